// bpffs, mounted where a test may: on a directory of its own.

import Linux
import Testing

@Suite(needsRoot) struct BPFFileSystemTests {
    @Test("a directory is on bpffs from mounting to unmounting")
    func mounting() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/bpf/deeper"
            #expect(!BPFFileSystem.contains(path))
            try BPFFileSystem.mount(at: path)
            #expect(BPFFileSystem.contains(path))
            #expect(try Mount.all().contains { $0.mountPoint == path && $0.type == "bpf" })
            try BPFFileSystem.unmount(path)
            #expect(!BPFFileSystem.contains(path))
        }
    }
}
