// Plain aligned tables: capitals on top, two spaces between columns, nothing after the last cell,
// so that `awk` and a diff read them as well as people do.

/// A table of text.
package struct TextTable: Hashable, Sendable {
    package var columns: [String]
    package var rows: [[String]]

    package init(columns: [String], rows: [[String]]) {
        self.columns = columns
        self.rows = rows
    }

    /// Each line ends with a line feed. An empty cell is shown as `-`: `awk` counts columns.
    package var text: String {
        let lines = [columns] + rows.map { $0.map { $0.isEmpty ? "-" : $0 } }
        let widths = columns.indices.map { column in
            lines.map { $0[column].count }.max() ?? 0
        }
        return lines.map { cells in
            let padded = zip(cells, widths).dropLast().map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            return (padded + cells.suffix(1)).joined(separator: "  ") + "\n"
        }.joined()
    }
}
