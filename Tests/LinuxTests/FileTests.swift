// Whole files: a reader sees the old or the new, never half.

import Glibc
import Linux
import Testing

@Suite struct FileTests {
    @Test("a replaced file has the new bytes and nothing is left beside it")
    func replace() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/state"
            try File.replace(path, with: [1, 2, 3])
            try File.replace(path, with: Array("new".utf8))
            #expect(try File.readText(path) == "new")
            #expect(try Directory.entries(directory) == ["state"])
        }
    }

    @Test("a reader who holds the old file keeps the old bytes")
    func oldReader() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/state"
            try File.replace(path, with: Array("old".utf8))
            let reader = try FileDescriptor(opening: path)
            try File.replace(path, with: Array("new".utf8))
            #expect(try reader.readAll(subject: path) == Array("old".utf8))
        }
    }

    @Test("a failed replacement leaves no temporary file")
    func failure() async throws {
        try await withTemporaryDirectory { directory in
            // A directory cannot be replaced by a file.
            try Directory.create("\(directory)/taken/full")
            #expect(throws: KernelError.self) { try File.replace("\(directory)/taken", with: [1]) }
            #expect(try Directory.entries(directory) == ["taken"])
        }
    }

    @Test("a file larger than one read comes whole")
    func large() async throws {
        try await withTemporaryDirectory { directory in
            let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
            try File.replace("\(directory)/large", with: bytes)
            #expect(try File.read("\(directory)/large") == bytes)
        }
    }

    @Test("directories are made with those above them, and once more is fine")
    func directories() async throws {
        try await withTemporaryDirectory { directory in
            try Directory.create("\(directory)/a/b/c")
            try Directory.create("\(directory)/a/b/c")
            #expect(try Directory.entries("\(directory)/a/b") == ["c"])
        }
    }

    @Test("the clock runs forward and tells differences without wrapping")
    func clock() {
        let early = Monotonic.now()
        let late = early.advanced(byMilliseconds: 2)
        #expect(late > early)
        #expect(late.nanoseconds(since: early) == 2_000_000)
        #expect(early.nanoseconds(since: late) == 0)
        #expect(Monotonic.now() >= early)
    }
}
