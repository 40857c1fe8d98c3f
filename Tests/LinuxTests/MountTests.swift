// The table of mounts: its text form, and the mounts that are really there.

import Testing

@testable import Linux

@Suite struct MountTests {
    @Test("mount points with blanks are read, optional fields or not")
    func parsing() {
        let text = """
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
            42 31 0:39 / /mnt/a\\040b\\134c rw shared:7 master:3 - bpf none rw,mode=700
            """
        let mounts = Mount.parse(text)
        #expect(mounts.map(\.mountPoint) == ["/sys/fs/cgroup/unified", "/mnt/a b\\c"])
        #expect(mounts.map(\.type) == ["cgroup2", "bpf"])
    }

    @Test("a line cut anywhere before its type is left out")
    func truncation() {
        let line = "42 31 0:39 / /mnt rw shared:7 - bpf none rw"
        for length in 0..<line.count {
            let mount = Mount(line: line.prefix(length))
            if length <= line.count - "bpf none rw".count { #expect(mount == nil) }
        }
        #expect(Mount(line: line[...])?.type == "bpf")
    }
}
