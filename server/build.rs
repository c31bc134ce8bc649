//! Compiles the server anew when a migration was added: the compiler itself only sees those change
//! that were there.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
