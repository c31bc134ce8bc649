//! nginx with the module nchan, as Debian has them: a server of event streams in C.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::dialect::{self, Dialect, Seat};
use super::redis::{free_address, wait_for};
use super::{Running, Setting, home};
use crate::limits;
use crate::process::Program;

/// Where Debian and Ubuntu put the module.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Starts nginx with one worker.
pub(super) fn start(setting: &Setting) -> Result<Running> {
    if !Path::new(MODULE).exists() {
        bail!("nginx with nchan is missing: Debian's packages nginx and libnginx-mod-nchan, or other --peers");
    }
    let home = home()?;
    let address = free_address()?;
    let config = home.path().join("nginx.conf");
    fs::write(&config, configuration(home.path(), address)).context("cannot write nginx' configuration")?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&config).arg("-p").arg(home.path()).args(["-e", "stderr"]);
    let mut program = Program::start(&mut command, setting.core)?;
    wait_for(address, &mut program)?;
    Ok(Running { address, dialect: Box::new(Nchan), program, redis: None, _home: home })
}

/// One worker, since nchan's workers pass events on to each other; what a stream can resume over is
/// bounded as sally's is.
fn configuration(home: &Path, address: SocketAddr) -> String {
    let home = home.display();
    // Fewer than clients that were cut and came back together, and nginx makes everybody wait.
    let connections = limits::open_files();
    format!(
        r#"
        load_module {MODULE};
        daemon off;
        worker_processes 1;
        pid {home}/nginx.pid;
        error_log stderr warn;
        events {{ worker_connections {connections}; }}
        http {{
            access_log off;
            tcp_nodelay on;
            keepalive_requests 1000000000;
            keepalive_timeout 1h;
            client_body_temp_path {home}/body;
            proxy_temp_path {home}/proxy;
            fastcgi_temp_path {home}/fastcgi;
            uwsgi_temp_path {home}/uwsgi;
            scgi_temp_path {home}/scgi;
            nchan_shared_memory_size 256M;
            server {{
                listen {address} backlog=4096;
                location ~ ^/stream/(\w+)$ {{
                    nchan_subscriber eventsource;
                    nchan_channel_id $1;
                    nchan_subscriber_first_message newest;
                    nchan_eventsource_ping_interval 20;
                }}
                location ~ ^/publish/(\w+)$ {{
                    nchan_publisher;
                    nchan_channel_id $1;
                    nchan_message_buffer_length 10000;
                    nchan_message_timeout 24h;
                }}
            }}
        }}
        "#
    )
}

struct Nchan;

impl Dialect for Nchan {
    fn ready(&self) -> &'static [u8] {
        // What nchan greets with.
        b": hi"
    }

    fn open(&self, seat: Seat, _: &str, last_event_id: &[u8], out: &mut Vec<u8>) {
        dialect::get(&format!("/stream/t{}", seat.tenant), "", last_event_id, out);
    }

    fn publish(&self, tenant: usize, event: &[u8], out: &mut Vec<u8>) {
        dialect::post(&format!("/publish/t{tenant}"), "X-EventSource-Event: eta_update\r\n", &[event], out);
    }
}
