// Shell patterns over paths, as the C library reads them.

import Glibc

/// A pattern of `*`, `?` and `[…]`; `*` crosses slashes. One that does not begin with a slash may
/// begin at any level of the path.
package struct Glob: Hashable, Sendable, CustomStringConvertible {
    package let description: String
    private let pattern: String

    /// Any text is a pattern.
    package init(_ text: String) {
        description = text
        pattern = text.hasPrefix("/") ? text : "*/\(text)"
    }

    /// Whether the whole path fits; paths begin with a slash.
    package func matches(_ path: String) -> Bool { fnmatch(pattern, path, 0) == 0 }
}
