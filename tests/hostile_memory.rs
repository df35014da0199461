//! What a hostile server makes the client allocate, case by case: this program has one test, so that nothing else allocates
//! meanwhile. What the bad server itself holds is counted along, which errs on the strict side.

use std::{hint::black_box, time::Duration};

use integration_tests::hostile::{
    cases,
    ours::{Honest, trial},
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// How much more may be allocated at any moment of a case than before it.
const MOST: usize = 2 << 20;

/// The time that a request is given.
const DEADLINE: Duration = Duration::from_millis(300);

/// Bytes by which what is allocated rises above what it was, at most, while this runs.
async fn growth<T>(during: impl Future<Output = T>) -> (usize, T) {
    ALLOCATED.reset_peak_usage();
    let before = ALLOCATED.current_usage();
    let result = during.await;
    (ALLOCATED.peak_usage().saturating_sub(before), result)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_case_costs_more_than_2_mib() {
    let (seen, ()) = growth(async { drop(black_box(vec![0_u8; 3 << 20])) }).await;
    // Not to the byte: the harness's threads may give some back meanwhile.
    assert!(seen > MOST, "the measure sees nothing: {seen}");

    let honest = Honest::start().await;
    // What is allocated once and kept is not the first case's.
    let cases = cases();
    trial(&cases[0], &honest, DEADLINE).await.works_again("the first case, unmeasured").await;

    let mut too_much = Vec::new();
    for case in &cases {
        let (grown, ()) = growth(async {
            let trial = trial(case, &honest, DEADLINE).await;
            trial.works_again(case.name).await;
            trial.client.close().await;
        })
        .await;
        println!("{:>8} KiB  {}", grown >> 10, case.name);
        if grown > MOST {
            too_much.push(format!("{}: {} KiB", case.name, grown >> 10));
        }
    }
    assert!(too_much.is_empty(), "{too_much:#?}");
}
