// Which cgroups the globs name, in a tree that changes. Real cgroups of our own.

import Glibc
import Linux
import Testing

@testable import Agent

@Suite("exclusion table", .enabled(if: geteuid() == 0, "needs root"))
struct ExclusionTableTests {
    /// A tree below a group of our own, gone at the end.
    private final class Tree {
        let root: ControlGroup
        private var made: [ControlGroup] = []

        init() throws {
            let number = UInt64.random(in: 0...UInt64.max)
            root = try ControlGroup.root().child("needletail-exclusion-test-\(number)")
            try root.create()
        }

        func make(_ path: String) throws {
            var name = ""
            for part in path.split(separator: "/") {
                name += "/\(part)"
                let group = ControlGroup(path: root.path + name)
                if FileIdentity(group.path) == nil {
                    try group.create()
                    made.append(group)
                }
            }
        }

        func remove(_ path: String) throws { try ControlGroup(path: root.path + path).remove() }

        func id(_ path: String) throws -> UInt64 { try ControlGroup(path: root.path + path).id() }

        deinit {
            for group in made.reversed() { try? group.remove() }
            try? root.remove()
        }
    }

    @Test("a glob names the topmost groups that fit, wherever they are")
    func globs() throws {
        let tree = try Tree()
        for path in ["/kubepods/burstable/pod1/a", "/kubepods/pod2/b", "/system/pod3"] {
            try tree.make(path)
        }
        func named(_ globs: String...) -> Set<String> {
            var table = ExclusionTable(root: tree.root.path, globs: globs.map(Glob.init))
            table.readAll()
            return Set(table.groups.keys)
        }
        let pods: Set = ["/kubepods/burstable/pod1", "/kubepods/pod2", "/system/pod3"]
        #expect(named("pod*") == pods)
        #expect(named("/kubepods/*") == ["/kubepods/burstable", "/kubepods/pod2"])
        #expect(named("/kubepods/*/pod*") == ["/kubepods/burstable/pod1"])
        #expect(named("/pod2") == [])
        #expect(named("pod2", "system") == ["/kubepods/pod2", "/system"])
        #expect(named("*") == ["/kubepods", "/system"])
        #expect(named("cgroup.procs") == [], "files are no groups")
    }

    @Test("what comes, goes or comes again is found when its path is looked at")
    func changes() throws {
        let tree = try Tree()
        try tree.make("/kubepods/pod1")
        var table = ExclusionTable(root: tree.root.path, globs: [Glob("pod*")])
        table.readAll()
        let first = try tree.id("/kubepods/pod1")
        #expect(table.groups == ["/kubepods/pod1": first])

        try tree.make("/kubepods/new/pod2/pod-in-pod")
        table.read(absolute: "\(tree.root.path)/kubepods/new")
        #expect(Set(table.groups.keys) == ["/kubepods/pod1", "/kubepods/new/pod2"])
        table.read(absolute: "\(tree.root.path)/kubepods/new/pod2/pod-in-pod")
        #expect(table.groups.count == 2, "below a match there is nothing to look for")
        table.read(absolute: "\(tree.root.path)/kubepods/pod1/cgroup.procs")
        table.read(absolute: "\(tree.root.path)-other/kubepods/pod1")
        #expect(table.groups.count == 2)

        try tree.remove("/kubepods/pod1")
        table.read("/kubepods/pod1")
        #expect(Set(table.groups.keys) == ["/kubepods/new/pod2"])
        try tree.make("/kubepods/pod1")
        table.read("/kubepods/pod1")
        #expect(try table.groups["/kubepods/pod1"] == tree.id("/kubepods/pod1"))
        #expect(table.groups["/kubepods/pod1"] != first)
        table.read("")
        #expect(table.groups.count == 2)
    }
}
