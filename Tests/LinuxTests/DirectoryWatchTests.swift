// What a watched directory tells of writers that close, rename and delete.

import Glibc
import Linux
import Testing

@Suite struct DirectoryWatchTests {
    /// Reads until the event has come; the tests' own time limit ends a wait in vain.
    private func find(
        _ event: DirectoryWatch.Event,
        from iterator: inout Mailbox<DirectoryWatch.Event>.AsyncIterator
    ) async throws {
        while let batch = try await iterator.next() {
            if batch.contains(event) { return }
        }
        Issue.record("the watch ended before \(event)")
    }

    @Test("written, renamed and deleted files are told", .timeLimit(.minutes(5)))
    func files() async throws {
        try await withTemporaryDirectory { directory in
            let watch = try DirectoryWatch(directory)
            var events = watch.makeAsyncIterator()
            try File.replace("\(directory)/a.yaml", with: [1])
            try await find(.changed(directory: directory, name: "a.yaml"), from: &events)
            rename("\(directory)/a.yaml", "\(directory)/b.yaml")
            try await find(.changed(directory: directory, name: "b.yaml"), from: &events)
            unlink("\(directory)/b.yaml")
            try await find(.changed(directory: directory, name: "b.yaml"), from: &events)
        }
    }

    @Test("a file in a directory that is made later is told", .timeLimit(.minutes(5)))
    func laterDirectory() async throws {
        try await withTemporaryDirectory { directory in
            let watch = try DirectoryWatch(directory)
            var events = watch.makeAsyncIterator()
            try Directory.create("\(directory)/inner")
            try await find(.changed(directory: "\(directory)/inner", name: ""), from: &events)
            try File.replace("\(directory)/inner/c.json", with: [1])
            try await find(.changed(directory: "\(directory)/inner", name: "c.json"), from: &events)
        }
    }

    @Test("the ..data swap of a mounted ConfigMap is told", .timeLimit(.minutes(5)))
    func symlinkSwap() async throws {
        try await withTemporaryDirectory { directory in
            try Directory.create("\(directory)/..one")
            symlink("..one", "\(directory)/..data")
            let watch = try DirectoryWatch(directory)
            var events = watch.makeAsyncIterator()
            try Directory.create("\(directory)/..two")
            symlink("..two", "\(directory)/..data_tmp")
            rename("\(directory)/..data_tmp", "\(directory)/..data")
            try await find(.changed(directory: directory, name: "..data"), from: &events)
        }
    }

    @Test("a watched directory that goes away is told", .timeLimit(.minutes(5)))
    func gone() async throws {
        try await withTemporaryDirectory { directory in
            try Directory.create("\(directory)/inner")
            let watch = try DirectoryWatch(directory)
            var events = watch.makeAsyncIterator()
            rmdir("\(directory)/inner")
            try await find(.directoryGone("\(directory)/inner"), from: &events)
        }
    }

    @Test("more events than may wait become one overflow", .timeLimit(.minutes(5)))
    func overflow() async throws {
        try await withTemporaryDirectory { directory in
            let watch = try DirectoryWatch(directory, eventLimit: 1)
            var events = watch.makeAsyncIterator()
            var isOverflown = false
            // A reader that is as quick as the watch gets everything: try until it was not.
            while !isOverflown {
                for index in 0..<16 {
                    close(open("\(directory)/\(index)", O_WRONLY | O_CREAT, 0o600))
                }
                let batch = try #require(try await events.next())
                isOverflown = batch.contains(.overflow)
            }
        }
    }

    @Test("a stopped watch ends its sequence", .timeLimit(.minutes(5)))
    func stopping() async throws {
        try await withTemporaryDirectory { directory in
            let watch = try DirectoryWatch(directory)
            watch.stop()
            for try await _ in watch {}
        }
    }

    @Test("a directory that is not there is an error at once")
    func missing() {
        let error = #expect(throws: KernelError.self) {
            _ = try DirectoryWatch("/no/such/directory")
        }
        #expect(error?.errno == .noEntry)
    }
}
