//! Packages of the operating system.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Something that the operating system provides.
pub(crate) struct Package {
    /// Its name in Debian and Ubuntu.
    debian: &'static str,
    /// How to see that it is there, whoever installed it.
    sign: Sign,
    /// What it is here for.
    why: &'static str,
}

enum Sign {
    /// A program on `PATH`.
    Program(&'static str),
    /// A library that pkg-config knows.
    Library(&'static str),
    /// A file.
    File(&'static str),
    /// A program of PostgreSQL's server, which Debian keeps off `PATH`, a directory a version.
    Postgres(&'static str),
}

/// What the desktop app is built with.
pub(crate) const DESKTOP: &[Package] = &[
    Package { debian: "build-essential", sign: Sign::Program("cc"), why: "compiles and links native code" },
    Package { debian: "pkg-config", sign: Sign::Program("pkg-config"), why: "finds native libraries" },
    Package {
        debian: "libwebkit2gtk-4.1-dev",
        sign: Sign::Library("webkit2gtk-4.1"),
        why: "the web view that the app draws in",
    },
    Package { debian: "libdbus-1-dev", sign: Sign::Library("dbus-1"), why: "the app's word to the desktop around it" },
    Package { debian: "libssl-dev", sign: Sign::Library("openssl"), why: "TLS of the messaging connection" },
];

/// What the tests that drive the desktop app and the page for drivers need beside [`DESKTOP`].
pub(crate) const TESTS: &[Package] = &[
    Package { debian: "webkit2gtk-driver", sign: Sign::Program("WebKitWebDriver"), why: "drives the app in tests" },
    Package { debian: "xvfb", sign: Sign::Program("Xvfb"), why: "a display that no screen is needed for" },
    Package { debian: "dbus", sign: Sign::Program("dbus-daemon"), why: "the session bus that the app expects" },
    Package { debian: "imagemagick", sign: Sign::Program("import"), why: "a picture of the display when a test fails" },
    Package { debian: "chromium", sign: Sign::Program("chromium"), why: "opens the page for drivers in tests" },
    Package { debian: "chromium-driver", sign: Sign::Program("chromedriver"), why: "drives that page" },
    // Debian also starts a server of the system's own, which the tests don't use.
    Package { debian: "postgresql", sign: Sign::Postgres("initdb"), why: "the server's tests with PostgreSQL" },
];

/// What tests and benchmarks with a Redis start.
pub(crate) const REDIS: &[Package] =
    &[Package { debian: "redis-server", sign: Sign::Program("redis-server"), why: "events that come through Redis" }];

/// What tests with a clock of their own start.
pub(crate) const CLOCK: &[Package] =
    &[Package { debian: "faketime", sign: Sign::Program("faketime"), why: "a server's clock that jumps in tests" }];

/// Node.js, for the official Socket.IO client in tests and for peers in benchmarks.
pub(crate) const NODE: &[Package] = &[
    Package { debian: "nodejs", sign: Sign::Program("node"), why: "runs others' clients and servers beside ours" },
    Package { debian: "npm", sign: Sign::Program("npm"), why: "installs those" },
];

/// The event stream server that benchmarks compare with. They run one of their own.
pub(crate) const NCHAN: &[Package] = &[
    Package { debian: "nginx", sign: Sign::Program("nginx"), why: "is measured; Debian also starts it on port 80" },
    Package {
        debian: "libnginx-mod-nchan",
        sign: Sign::File("/usr/lib/nginx/modules/ngx_nchan_module.so"),
        why: "makes it a server of event streams",
    },
];

/// Installs what is missing of `packages`, having said what and why.
///
/// # Errors
///
/// On a system without apt, or without the right to install: a sentence that names what is missing.
pub(crate) fn install(packages: &[&[Package]]) -> Result<()> {
    let missing: Vec<&Package> = packages.iter().copied().flatten().filter(|package| !package.is_present()).collect();
    if missing.is_empty() {
        println!("System packages: everything needed is there.");
        return Ok(());
    }
    if !shell::has("apt-get") {
        let list: String = missing.iter().map(|package| format!("\n  {}", package.describe())).collect();
        bail!(
            "this command installs system packages on Debian and Ubuntu only. Please install what is missing here \
             by this system's own means, then run it again:{list}"
        );
    }
    println!("Installing system packages with apt-get:");
    for package in &missing {
        println!("  {:<30} {}", package.debian, package.why);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.debian).collect();
    let mut privileged = privilege(&names)?;
    if let Err(error) = shell::run(apt_get(&mut privileged).arg("update")) {
        // One list out of many, such as a third party's that is out of reach, need not matter.
        println!("Going on with the lists that are there: {error:#}");
    }
    let mut privileged = privilege(&names)?;
    let install = apt_get(&mut privileged).args(["install", "--yes", "--no-install-recommends"]).args(&names);
    shell::run(install).context("apt-get could not install the packages; Debian 12 and Ubuntu 22.04 or newer have them")
}

impl Package {
    fn is_present(&self) -> bool {
        match self.sign {
            Sign::Program(program) => shell::has(program),
            Sign::Postgres(program) => shell::has(program) || has_postgres(program),
            Sign::Library(library) => shell::succeeds(shell::command("pkg-config").args(["--exists", library])),
            Sign::File(path) => Path::new(path).exists(),
        }
    }

    fn describe(&self) -> String {
        let what = match self.sign {
            Sign::Program(program) | Sign::Postgres(program) => format!("the program {program}"),
            Sign::Library(library) => format!("the development files of the library {library}"),
            Sign::File(path) => format!("the file {path}"),
        };
        format!("{what} ({}; Debian's package {})", self.why, self.debian)
    }
}

fn has_postgres(program: &str) -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.into_iter().any(|version| version.path().join("bin").join(program).is_file())
}

/// `env`, run as root, so that the caller can name variables and then a program.
fn privilege(packages: &[&str]) -> Result<Command> {
    if shell::output(shell::command("id").arg("-u")).as_deref() == Some("0") {
        return Ok(shell::command("env"));
    }
    if !shell::has("sudo") {
        bail!(
            "installing system packages needs root, and there is no sudo. Please run as root: apt-get install {}",
            packages.join(" ")
        );
    }
    let mut sudo = shell::command("sudo");
    sudo.arg("env");
    Ok(sudo)
}

fn apt_get(privileged: &mut Command) -> &mut Command {
    privileged.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
}
