//! From a table of cases to tests: a case is written once and runs on every backend.

/// Makes tests of cases: one module, one backend. A case that is in no table is dead code, which
/// the lints refuse.
macro_rules! tests {
    ($module:ident: $backend:ty; $($room:ident { $($case:ident)* })*) => {
        mod $module {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$room::$case::<$backend>().await;
                }
            )*)*
        }
    };
}
