// Which cgroups are excluded by name: the topmost matches of the globs in a tree that changes all
// the time. What lies below a match is excluded with it and not looked at.

import Linux

/// The excluded groups below a root, by path.
struct ExclusionTable {
    let root: String
    let globs: [Glob]
    /// Path below the root, beginning with a slash → the group's id.
    private(set) var groups: [String: UInt64] = [:]

    init(root: String, globs: [Glob]) {
        self.root = root
        self.globs = globs
    }

    var ids: Set<UInt64> { Set(groups.values) }

    /// Reads the whole tree anew. O(groups).
    mutating func readAll() {
        groups = [:]
        descend("")
    }

    /// Looks again at a path below the root, which may have come or gone. O(groups below it).
    mutating func read(_ path: String) {
        for known in groups.keys where known == path || known.hasPrefix("\(path)/") {
            groups[known] = nil
        }
        guard !path.isEmpty else { return descend("") }
        if !isCovered(path) { look(path) }
    }

    /// The same for a path as the watch tells it; nothing if it is not below the root.
    mutating func read(absolute path: String) {
        guard path.hasPrefix(root) else { return }
        let below = path.dropFirst(root.count)
        guard below.isEmpty || below.hasPrefix("/") else { return }
        read(below.hasSuffix("/") ? String(below.dropLast()) : String(below))
    }

    /// Whether a group above is excluded already.
    private func isCovered(_ path: String) -> Bool {
        var above = path[...]
        while let slash = above.lastIndex(of: "/"), slash != above.startIndex {
            above = above[..<slash]
            if groups[String(above)] != nil { return true }
        }
        return false
    }

    private mutating func look(_ path: String) {
        let group = ControlGroup(path: root + path)
        if globs.contains(where: { $0.matches(path) }) {
            // It may be gone by now, or be one of the files that every group has.
            guard FileIdentity(group.path)?.isDirectory == true else { return }
            groups[path] = try? group.id()
        } else {
            descend(path)
        }
    }

    private mutating func descend(_ path: String) {
        for child in (try? ControlGroup(path: root + path).children()) ?? [] {
            look(String(child.path.dropFirst(root.count)))
        }
    }
}
