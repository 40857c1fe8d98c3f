// cgroups below the real root, each test in a group of its own that it removes.

import Linux
import Testing

@Suite(needsRoot) struct ControlGroupTests {
    @Test("the root is found wherever cgroup2 is mounted")
    func root() throws {
        let root = try ControlGroup.root()
        #expect(root.isControlGroup)
        #expect(!ControlGroup(path: "/tmp").isControlGroup)
    }

    @Test("a group holds the processes that are added, and is removed when they are gone")
    func members() async throws {
        let group = try ControlGroup.root().child("\(uniqueName("nl-group"))/inner")
        let outer = ControlGroup(path: String(group.path.dropLast("/inner".count)))
        try group.create()
        defer {
            try? group.remove()
            try? outer.remove()
        }
        #expect(try outer.children() == [group])
        #expect(try group.id() != outer.id())

        let child = try Command(["sleep", "1000"]).start()
        try group.add(child.pid)
        #expect(try group.processes() == [child.pid])
        let error = #expect(throws: KernelError.self) { try group.remove() }
        #expect(error?.errno == .busy)

        try group.kill()
        #expect(try await child.wait() == .signal(9))
        try group.remove()
        #expect(!group.isControlGroup)
    }
}
