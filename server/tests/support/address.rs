//! An address behind which the primary is, as an operator would provide it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// See the module.
pub(crate) struct Address {
    pub port: u16,
    primary: Arc<AtomicU16>,
    /// How many connections were made so far.
    pub made: Arc<AtomicUsize>,
    cut: broadcast::Sender<()>,
}

impl Address {
    pub(crate) async fn of(primary: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (primary, cut) = (Arc::new(AtomicU16::new(primary)), broadcast::Sender::new(1));
        let (target, cutting) = (Arc::clone(&primary), cut.clone());
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (target, mut cut) = (target.load(Ordering::Relaxed), cutting.subscribe());
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(("127.0.0.1", target)).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                    tokio::select! {
                        _ = cut.recv() => Ok((0, 0)),
                        copied = tokio::io::copy_bidirectional(&mut client, &mut server) => copied,
                    }
                });
            }
        });
        Self { port, primary, made, cut }
    }

    pub(crate) fn move_to(&self, primary: u16) {
        self.primary.store(primary, Ordering::Relaxed);
        // Nobody may be connected.
        let _ = self.cut.send(());
    }
}
