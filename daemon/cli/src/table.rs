//! Tables as Go's `%-*s` prints them: left-aligned columns, the last one not padded.

/// A column's title and width.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    /// Least width in characters, the gap to the next column included.
    min: usize,
    /// Blanks after the longest value.
    gap: usize,
    right: bool,
}

impl Column {
    /// At least `min` wide, and one more than its longest value.
    pub(crate) const fn new(title: &'static str, min: usize) -> Self {
        Self { title, min, gap: 1, right: false }
    }

    pub(crate) const fn right(self) -> Self {
        Self { right: true, ..self }
    }

    pub(crate) const fn gap(self, gap: usize) -> Self {
        Self { gap, ..self }
    }
}

/// The header and a line for each row, each with its newline.
pub(crate) fn render(columns: &[Column], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let longest =
                rows.iter().filter_map(|row| row.get(at)).map(|v| v.chars().count()).max();
            longest.map_or(column.min, |longest| column.min.max(longest + column.gap))
        })
        .collect();
    let mut out = String::new();
    line(&mut out, columns, &widths, columns.iter().map(|c| c.title));
    for row in rows {
        line(&mut out, columns, &widths, row.iter().map(String::as_str));
    }
    out
}

fn line<'a>(
    out: &mut String,
    columns: &[Column],
    widths: &[usize],
    values: impl Iterator<Item = &'a str>,
) {
    let start = out.len();
    for ((column, width), value) in columns.iter().zip(widths).zip(values) {
        let blanks = width.saturating_sub(value.chars().count());
        if column.right {
            out.extend(std::iter::repeat_n(' ', blanks));
        }
        out.push_str(value);
        if !column.right {
            out.extend(std::iter::repeat_n(' ', blanks));
        }
    }
    out.truncate(start + out[start..].trim_end_matches(' ').len());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_its_longest_value_and_one() {
        let columns = [Column::new("ID", 3), Column::new("Level", 9), Column::new("N", 4).right()];
        assert_eq!(render(&columns, &[]), "ID Level       N\n");
        let rows = [["längst", "OK", "7"], ["b", "CRITICAL", "12345"]];
        let rows: Vec<Vec<String>> =
            rows.iter().map(|r| r.iter().map(|v| (*v).to_owned()).collect()).collect();
        assert_eq!(
            render(&columns, &rows),
            "ID     Level         N\nlängst OK            7\nb      CRITICAL  12345\n"
        );
    }
}
