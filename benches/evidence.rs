//! Speed of judging a trial matrix, with a hash of the result: 10,000 configurations of 168 atoms, and 1,000,000 of 48.
//! `cargo bench --bench evidence`
//!
//! Aims on two cores: 3 s, and 60 s within 2 GiB.

use perpx::sweep::evidence::{AtomSums, MatrixFrame, Settings, Trial, TrialMatrix, judge};
use std::time::Instant;

/// Rows without an edge, independent of each other; the same on every machine.
fn matrix(rows: usize, atoms: usize) -> TrialMatrix {
    let frame = MatrixFrame { embargo: 5, ..MatrixFrame::hourly(vec![5; atoms]) };
    let mut matrix = TrialMatrix::with_capacity(frame, rows);
    let mut state = 7u64;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 - f64::from(1 << 23)
    };
    let (mut s1, mut s2) = (vec![0.0; atoms], vec![0.0; atoms]);
    for row in 0..rows {
        for (s1, s2) in s1.iter_mut().zip(&mut s2) {
            *s1 = draw();
            *s2 = *s1 * *s1;
        }
        let all: f64 = s1.iter().sum();
        let trial = Trial {
            id: format!("{row:016x}"),
            ledger: format!("{row:016x}"),
            weight: 1,
            objective: Some(all),
            rank: None,
            is_eligible: true,
            ranking_sharpe: None,
            shape: None,
            max_drawdown: None,
        };
        matrix.push(trial, AtomSums { s1: &s1, s2: &s2, trades: &[] });
    }
    matrix.finish().expect("different ids")
}

/// Largest memory of this process so far, in MiB; Linux alone tells it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? >> 10)
}

/// Seconds on any core; Linux alone tells them.
fn on_cores() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut ticks = stat.rsplit_once(')')?.1.split(' ').skip(12).map(|field| field.parse::<f64>().ok());
    Some((ticks.next()?? + ticks.next()??) / 100.0)
}

fn report(rows: usize, atoms: usize) {
    let matrix = matrix(rows, atoms);
    for blocks in [8, 12] {
        let (began, before) = (Instant::now(), on_cores());
        let evidence = judge(&matrix, &Settings { blocks, ..Settings::default() });
        let wall = began.elapsed().as_secs_f64();
        let cores = before.zip(on_cores()).map_or(wall, |(from, to)| to - from);
        let text = serde_json::to_string(&evidence).expect("JSON");
        let hash = blake3::hash(text.as_bytes()).to_hex();
        println!(
            "{rows:>9} x {atoms:>3}, {blocks:>2} blocks: {wall:>6.2} s, {cores:>6.2} s on cores, at most {} MiB  {}",
            peak().map_or("-".to_string(), |peak| peak.to_string()),
            &hash[..16]
        );
    }
}

fn main() {
    report(10_000, 168);
    report(1_000_000, 48);
}
