//! A disk: the definitions store and the journal, with a tail that is written but not yet durable.

use std::collections::{BTreeMap, VecDeque};

use member::{Position, Row, Stored, Write};
use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// One member's disk. Survives its processes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    rows: BTreeMap<Row, Vec<u8>>,
    journal: Vec<Vec<u8>>,
    tail: VecDeque<(Position, Write)>,
    /// It takes no writes.
    pub(crate) full: bool,
}

impl Disk {
    pub(crate) fn write(&mut self, position: Position, write: Write) {
        self.tail.push_back((position, write));
    }

    /// Makes durable what was written up to `position`.
    pub(crate) fn sync(&mut self, position: Position) {
        while let Some((at, _)) = self.tail.front()
            && *at <= position
        {
            if let Some((_, write)) = self.tail.pop_front() {
                self.apply(write);
            }
        }
    }

    /// What is durable, as a copy.
    pub(crate) fn copy(&self) -> Self {
        Self { rows: self.rows.clone(), journal: self.journal.clone(), ..Self::default() }
    }

    /// The process dies: of what was not durable a random first part has reached the disk.
    pub(crate) fn crash(&mut self, rng: &mut StdRng) {
        let kept = (rng.next_u64() % (self.tail.len() as u64 + 1)) as usize;
        let kept = if rng.random::<bool>() { kept } else { 0 };
        for (_, write) in self.tail.drain(..kept).collect::<Vec<_>>() {
            self.apply(write);
        }
        self.tail.clear();
    }

    fn apply(&mut self, write: Write) {
        match write {
            Write::Put(row, value) => {
                self.rows.insert(row, value);
            }
            Write::Delete(row) => {
                self.rows.remove(&row);
            }
            Write::Journal(record) => self.journal.push(record),
        }
    }

    /// What a starting process reads.
    pub(crate) fn stored(&self) -> Stored {
        Stored {
            rows: self.rows.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            journal: self.journal.clone(),
        }
    }

    /// Takes the oldest segment out once the journal is long, to be rewritten.
    pub(crate) fn oldest_segment(&mut self, longest: usize) -> Option<Vec<Vec<u8>>> {
        (self.journal.len() > longest).then(|| self.journal[..longest / 2].to_vec())
    }

    /// Drops a segment that was rewritten.
    pub(crate) fn drop_segment(&mut self, records: usize) {
        self.journal.drain(..records.min(self.journal.len()));
    }
}
