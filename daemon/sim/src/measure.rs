//! What the machines do in a world without chaos: how fast news spread, how soon a death is noticed, what
//! idling costs, how long a heal takes, how evenly topics fall on members.
//!
//! Every figure comes from the production machines and from seeds alone: it is the same on every machine.

mod life;
mod owners;
mod spread;

use std::fmt::Write as _;
use std::time::Duration;

/// Seeds per row; more make the percentiles finer.
pub const SEEDS: u64 = 10;

/// One measured figure and the floor that it must hold.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub measure: &'static str,
    /// In a cluster of how many.
    pub members: usize,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// The most that it may be, where there is a floor.
    pub most: Option<f64>,
}

impl Row {
    fn new(measure: &'static str, members: usize, value: f64, unit: &'static str) -> Self {
        Self { measure, members, value, unit, most: None }
    }

    fn most(mut self, most: Option<f64>) -> Self {
        self.most = most;
        self
    }

    /// Whether it holds its floor.
    pub fn holds(&self) -> bool {
        self.most.is_none_or(|most| self.value <= most)
    }
}

/// Every row for clusters of these sizes.
pub fn measure(sizes: &[usize], seeds: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for members in sizes.iter().copied() {
        rows.extend(spread::rows(members, seeds));
        rows.extend(life::rows(members, seeds));
    }
    rows.extend(life::heal_rows(seeds));
    rows.extend(owners::rows());
    rows
}

/// The rows as a table.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from("| measure | members | value | floor | |\n|---|---|---|---|---|\n");
    for row in rows {
        let most = row.most.map_or("–".into(), |most| format!("≤ {most:.3} {}", row.unit));
        let verdict = match (row.most, row.holds()) {
            (None, _) => "",
            (_, true) => "holds",
            (_, false) => "MISSED",
        };
        let Row { measure, members, value, unit, .. } = row;
        let _ =
            writeln!(text, "| {measure} | {members} | {value:.3} {unit} | {most} | {verdict} |");
    }
    text
}

/// The rows as JSON.
pub fn json(rows: &[Row]) -> serde_json::Value {
    let row = |row: &Row| {
        serde_json::json!({
            "measure": row.measure,
            "members": row.members,
            "value": row.value,
            "unit": row.unit,
            "floor": row.most,
            "holds": row.holds(),
        })
    };
    rows.iter().map(row).collect()
}

/// The value below which a share of all lies; zero for none.
fn percentile(values: &mut [Duration], share: f64) -> f64 {
    values.sort_unstable();
    let at = (values.len().saturating_sub(1) as f64 * share).round() as usize;
    values.get(at).map_or(0.0, Duration::as_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a few seeds; `simulate measure` takes more, and larger clusters.
    #[test]
    fn news_spread_as_fast_as_they_can_and_nobody_alive_is_taken_for_dead() {
        let rows = measure(&[3, 10], 2);
        let held = ["broadcast", "false alarms", "owners", "topics moved"];
        let (held, others): (Vec<&Row>, Vec<&Row>) =
            rows.iter().partition(|row| held.iter().any(|name| row.measure.starts_with(name)));
        assert!(held.iter().all(|row| row.holds()), "{}", table(&rows));
        assert!(held.iter().filter(|row| row.most.is_some()).count() > 4, "{}", table(&rows));
        assert!(others.len() > 10, "{}", table(&rows));
    }

    #[test]
    fn equal_seeds_give_equal_figures() {
        let figures = || measure(&[3], 1).iter().map(|row| row.value).collect::<Vec<_>>();
        assert_eq!(figures(), figures());
    }

    #[test]
    fn a_figure_above_its_floor_is_missed_and_said_so() {
        let row = Row::new("idle", 3, 300.0, "B/s").most(Some(250.0));
        assert!(!row.holds() && table(&[row]).contains("MISSED"));
    }
}
