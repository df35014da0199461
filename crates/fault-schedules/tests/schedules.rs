//! Twenty schedules on real ensembles; `FAULT_SCHEDULES` is another number of them.

use std::time::Duration;

use fault_schedules::{
    checker::{Requirements, Rule},
    run::{self, Options, REQUIREMENTS},
    schedule::{CI_SEED, Schedule},
    soak::{self, Soak},
};

fn options() -> Options {
    Options {
        program: env!("CARGO_BIN_EXE_fault-schedule").into(),
        keep: None,
        margin: Duration::from_millis(500),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedules_of_ci_show_nothing_wrong() {
    let count = std::env::var("FAULT_SCHEDULES").map_or(20, |count| count.parse().unwrap());
    let soak = Soak { seeds: CI_SEED..CI_SEED + count, jobs: 3, limit: None };
    let summary = soak::soak(&soak, &options(), &REQUIREMENTS, |seed, outcome| {
        println!("{}", soak::describe(seed, outcome));
    })
    .await;
    println!("{}", serde_json::to_string(&summary).unwrap());
    assert!(summary.is_good(), "{}", summary.violations.join("\n"));
    // Of those that lose their leader for longer than its session, and have a machine fast enough for another one meanwhile.
    assert!(summary.totals.successions * 4 > count, "{} successions", summary.totals.successions);
    let planned: u64 = summary.faults.values().map(|faults| faults.planned).sum();
    let landed: u64 = summary.faults.values().map(|faults| faults.landed).sum();
    assert!(landed * 2 > planned, "{landed} of {planned} faults landed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_in_which_nothing_goes_wrong_or_too_little_happens_does_not_pass() {
    let calm = Schedule { faults: Vec::new(), ..Schedule::plan(0) };
    let required = Requirements { acknowledged_writes: 1_000_000, ..REQUIREMENTS };
    let report = run::run(calm, &options(), &required).await.unwrap();
    let violations = &report.verdict.violations;
    let names: Vec<_> =
        violations.iter().filter_map(|violation| violation.sentence.split(':').next()).collect();
    assert_eq!(names, ["acknowledged_writes", "faults_landed"], "{violations:?}");
    assert!(violations.iter().all(|violation| violation.rule == Rule::TooLittle));
}
