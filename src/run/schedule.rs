//! Running jobs as wide as their order and the threads allow, the one with the longest chain of readers first.
//!
//! Knows nothing of databases: a job is a node, and what is done with it is the caller's.

use super::Stop;
use crate::manifest::NodeId;
use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::{Condvar, Mutex, PoisonError},
    thread,
};

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending<Output> {
    /// It was done.
    Done(Output),
    /// It failed.
    Failed(Output),
    /// It was not started, because of that job, which failed.
    Skipped(NodeId),
    /// It was not started, because the run was stopped.
    NotStarted,
}

/// Jobs and what they wait for.
pub struct Jobs<'a> {
    /// For each job, the jobs that must be done before it.
    pub waits: &'a BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// How urgent each job is; higher goes first.
    pub urgency: &'a BTreeMap<NodeId, usize>,
    /// How many run at once, at most.
    pub threads: usize,
    /// Whether the first failure stops new jobs.
    pub fail_fast: bool,
}

struct Board<Output> {
    ready: BinaryHeap<(usize, std::cmp::Reverse<NodeId>)>,
    waiting: BTreeMap<NodeId, usize>,
    endings: BTreeMap<NodeId, Ending<Output>>,
    open: usize,
    closed: bool,
}

/// Runs every job once. `work` makes what one thread needs (its connection); `carry_out` does one job with it and says
/// whether it succeeded.
pub fn schedule<Worker, Output: Send>(
    jobs: &Jobs<'_>,
    stop: &Stop,
    work: impl Fn(usize) -> Worker + Sync,
    carry_out: impl Fn(&mut Worker, NodeId) -> Result<Output, Output> + Sync,
) -> BTreeMap<NodeId, Ending<Output>> {
    let mut readers: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (job, waits) in jobs.waits {
        for wait in waits {
            readers.entry(*wait).or_default().push(*job);
        }
    }
    let priority = |job: NodeId| (jobs.urgency.get(&job).copied().unwrap_or(0), std::cmp::Reverse(job));
    let waiting: BTreeMap<NodeId, usize> = jobs
        .waits
        .iter()
        .map(|(job, waits)| (*job, waits.iter().filter(|wait| jobs.waits.contains_key(wait)).count()))
        .collect();
    let ready = waiting.iter().filter(|(_, count)| **count == 0).map(|(job, _)| priority(*job)).collect();
    let board = Mutex::new(Board { ready, waiting, endings: BTreeMap::new(), open: jobs.waits.len(), closed: false });
    let changed = Condvar::new();

    thread::scope(|scope| {
        for index in 0..jobs.threads.clamp(1, jobs.waits.len().max(1)) {
            let (board, changed, readers, work, carry_out) = (&board, &changed, &readers, &work, &carry_out);
            scope.spawn(move || {
                let mut worker = None;
                while let Some(job) = next_job(board, changed, stop) {
                    let ending = match carry_out(worker.get_or_insert_with(|| work(index)), job) {
                        Ok(output) => Ending::Done(output),
                        Err(output) => Ending::Failed(output),
                    };
                    let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
                    let failed = matches!(ending, Ending::Failed(_));
                    board.endings.insert(job, ending);
                    board.open -= 1;
                    if failed {
                        board.closed |= jobs.fail_fast;
                        skip_below(&mut board, readers, job);
                    } else {
                        release_readers(&mut board, readers, job, &priority);
                    }
                    changed.notify_all();
                }
            });
        }
    });

    let mut board = board.into_inner().unwrap_or_else(PoisonError::into_inner);
    for job in jobs.waits.keys() {
        board.endings.entry(*job).or_insert(Ending::NotStarted);
    }
    board.endings
}

/// The next job to do; waits for one while jobs are open.
fn next_job<Output>(board: &Mutex<Board<Output>>, changed: &Condvar, stop: &Stop) -> Option<NodeId> {
    let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if board.closed || board.open == 0 || stop.is_stopped() {
            return None;
        }
        if let Some((_, std::cmp::Reverse(job))) = board.ready.pop() {
            return Some(job);
        }
        // A stop is noticed within this time even if no job ends.
        let patience = std::time::Duration::from_millis(100);
        board = changed.wait_timeout(board, patience).unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn release_readers<Output>(
    board: &mut Board<Output>,
    readers: &BTreeMap<NodeId, Vec<NodeId>>,
    job: NodeId,
    priority: &impl Fn(NodeId) -> (usize, std::cmp::Reverse<NodeId>),
) {
    for reader in readers.get(&job).into_iter().flatten() {
        let Some(count) = board.waiting.get_mut(reader) else { continue };
        *count -= 1;
        if *count == 0 && !board.endings.contains_key(reader) {
            board.ready.push(priority(*reader));
        }
    }
}

fn skip_below<Output>(board: &mut Board<Output>, readers: &BTreeMap<NodeId, Vec<NodeId>>, culprit: NodeId) {
    let mut edge = vec![culprit];
    while let Some(job) = edge.pop() {
        for reader in readers.get(&job).into_iter().flatten() {
            if !board.endings.contains_key(reader) {
                board.endings.insert(*reader, Ending::Skipped(culprit));
                board.open -= 1;
                edge.push(*reader);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn jobs(edges: &[(u32, &[u32])]) -> (BTreeMap<NodeId, BTreeSet<NodeId>>, BTreeMap<NodeId, usize>) {
        let waits =
            edges.iter().map(|(job, waits)| (NodeId(*job), waits.iter().map(|wait| NodeId(*wait)).collect())).collect();
        (waits, edges.iter().map(|(job, _)| (NodeId(*job), 100 - *job as usize)).collect())
    }

    fn run(edges: &[(u32, &[u32])], fail: &[u32], fail_fast: bool) -> (Vec<u32>, BTreeMap<NodeId, Ending<()>>) {
        let (waits, urgency) = jobs(edges);
        let done = Mutex::new(Vec::new());
        let endings = schedule(
            &Jobs { waits: &waits, urgency: &urgency, threads: 3, fail_fast },
            &Stop::default(),
            |_| (),
            |(), job| {
                for wait in &waits[&job] {
                    assert!(done.lock().unwrap().contains(&wait.0), "{job:?} started before {wait:?}");
                }
                if fail.contains(&job.0) {
                    return Err(());
                }
                done.lock().unwrap().push(job.0);
                Ok(())
            },
        );
        (done.into_inner().unwrap(), endings)
    }

    const DIAMOND: [(u32, &[u32]); 5] = [(0, &[]), (1, &[0]), (2, &[0]), (3, &[1, 2]), (4, &[3])];

    #[test]
    fn every_job_runs_once_after_what_it_waits_for() {
        for _ in 0..200 {
            let (mut done, _) = run(&DIAMOND, &[], false);
            done.sort_unstable();
            assert_eq!(done, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn what_is_below_a_failure_is_skipped_with_the_culprit_and_the_rest_goes_on() {
        let (done, endings) = run(&DIAMOND, &[1], false);
        assert_eq!(done, [0, 2]);
        assert_eq!(endings[&NodeId(3)], Ending::Skipped(NodeId(1)));
        assert_eq!(endings[&NodeId(4)], Ending::Skipped(NodeId(1)));
    }

    #[test]
    fn fail_fast_starts_nothing_more() {
        let chain: Vec<(u32, &[u32])> = (0..50).map(|job| (job, &[] as &[u32])).collect();
        let (done, endings) = run(&chain, &[0], true);
        assert!(done.len() < 49, "{}", done.len());
        assert!(endings.values().any(|ending| *ending == Ending::NotStarted));
    }

    #[test]
    fn a_stop_ends_the_run_between_jobs() {
        let (waits, urgency) = jobs(&DIAMOND);
        let stop = Stop::default();
        let endings = schedule(
            &Jobs { waits: &waits, urgency: &urgency, threads: 2, fail_fast: false },
            &stop,
            |_| (),
            |(), _| {
                stop.stop(Exit::Interrupted);
                Ok::<(), ()>(())
            },
        );
        assert_eq!(endings.values().filter(|ending| **ending == Ending::NotStarted).count(), 4);
        assert_eq!(stop.reason(), Some(Exit::Interrupted));
    }
}
