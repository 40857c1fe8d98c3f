// What `needletail cleanup` took away.

/// The things removed, one line each.
package struct CleanupDocument: Document {
    package var apiVersion = documentVersion
    package var kind = "Cleanup"
    package var removed: [String]

    package init(removed: [String]) { self.removed = removed }

    package var table: String {
        removed.isEmpty
            ? "nothing to remove\n" : removed.map { "removed \($0)\n" }.joined()
    }
}
