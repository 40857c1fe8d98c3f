// A real directory, changed in every way that people and kubelet change one. Each test awaits the
// next batch of Changes; none sleeps.

import Glibc
import Linux
import Logging
import Model
import Testing

@testable import Kubernetes

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A directory with an agent's view of it.
private struct Watched {
    let directory: ScratchDirectory
    let manifests: ManifestDirectory
    var changes: ManifestDirectory.AsyncIterator

    init(_ directory: ScratchDirectory) {
        self.directory = directory
        manifests = ManifestDirectory(directory.path, log: quiet)
        changes = manifests.makeAsyncIterator()
    }

    mutating func next() async throws -> [String] {
        summary(try await changes.next() ?? [])
    }

    /// Batches until they are this together; inotify may deliver one change in two.
    mutating func expect(
        _ expected: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        var seen: [String] = []
        while seen.count < expected.count { seen += try await next() }
        #expect(seen.sorted() == expected, sourceLocation: sourceLocation)
    }
}

@Suite(.timeLimit(.minutes(5))) struct ManifestDirectoryTests {
    @Test("everything that is there comes first, with the word that it is everything")
    func first() async throws {
        let directory = try ScratchDirectory()
        try directory.makeDirectory("deep/er")
        try directory.write(serviceText("a"), to: "a.yaml")
        try directory.write(serviceText("b"), to: "deep/er/b.yml")
        try directory.write(
            "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"}}", to: "n.json")
        try directory.write(serviceText("no"), to: ".hidden.yaml")
        try directory.write(serviceText("no"), to: "a.yaml.bak")
        var watched = Watched(directory)
        #expect(
            try await watched.next()
                == ["complete services", "node n", "service default/a", "service default/b"])
    }

    @Test("an empty directory is a complete, empty state")
    func empty() async throws {
        var watched = Watched(try ScratchDirectory())
        #expect(try await watched.next() == ["complete services"])
    }

    @Test("a directory that is not there is an error at once")
    func missing() async throws {
        var changes = ManifestDirectory("/nonexistent/needletail", log: quiet).makeAsyncIterator()
        await #expect(throws: KernelError.self) { _ = try await changes.next() }
    }

    @Test("a file written, written again, renamed and removed")
    func life() async throws {
        var watched = Watched(try ScratchDirectory())
        try await watched.expect(["complete services"])
        try watched.directory.write(serviceText("a"), to: "a.yaml")
        try await watched.expect(["service default/a"])
        try watched.directory.write(serviceText("a", "10.100.0.9"), to: "a.yaml")
        try await watched.expect(["service default/a"])
        try watched.directory.write(serviceText("b"), to: "b.tmp")
        try watched.directory.rename("b.tmp", to: "b.yaml")
        try await watched.expect(["service default/b"])
        watched.directory.remove("a.yaml")
        try await watched.expect(["-service default/a"])
        try watched.directory.rename("b.yaml", to: "b.old")
        try await watched.expect(["-service default/b"])
    }

    @Test("a file is not read while it is being written")
    func halfWritten() async throws {
        var watched = Watched(try ScratchDirectory())
        try await watched.expect(["complete services"])
        do {
            let path = "\(watched.directory.path)/half.yaml"
            let file = try FileDescriptor(opening: path, flags: O_WRONLY | O_CREAT, mode: 0o600)
            try file.writeAll(Array(serviceText("first").utf8), subject: path)
            try watched.directory.write(serviceText("other"), to: "other.yaml")
            try await watched.expect(["service default/other"])
            try file.writeAll(Array(("---\n" + serviceText("second")).utf8), subject: path)
        }
        try await watched.expect(["service default/first", "service default/second"])
    }

    @Test("a directory that appears with files in it, and goes again")
    func subdirectory() async throws {
        var watched = Watched(try ScratchDirectory())
        try await watched.expect(["complete services"])
        let outside = try ScratchDirectory()
        try outside.makeDirectory("new/deep")
        try outside.write(serviceText("a"), to: "new/deep/a.yaml")
        #expect(rename("\(outside.path)/new", "\(watched.directory.path)/new") == 0)
        try await watched.expect(["service default/a"])
        try watched.directory.write(serviceText("b"), to: "new/deep/b.yaml")
        try await watched.expect(["service default/b"])
        watched.directory.remove("new")
        try await watched.expect(["-service default/a", "-service default/b"])
    }

    @Test("a ConfigMap volume: files behind ..data, changed by swapping it")
    func configMap() async throws {
        let directory = try ScratchDirectory()
        try directory.makeDirectory("..1")
        try directory.write(serviceText("a", "10.100.0.1"), to: "..1/a.yaml")
        try directory.link("..data", to: "..1")
        try directory.link("a.yaml", to: "..data/a.yaml")
        var watched = Watched(directory)
        try await watched.expect(["complete services", "service default/a"])
        try directory.makeDirectory("..2")
        try directory.write(serviceText("a", "10.100.0.2"), to: "..2/a.yaml")
        try directory.link("..data_tmp", to: "..2")
        try directory.rename("..data_tmp", to: "..data")
        try await watched.expect(["service default/a"])
        directory.remove("..1")
        try directory.write(serviceText("b"), to: "b.yaml")
        try await watched.expect(["service default/b"])
    }

    @Test("what doesn't count can be asked for, and is forgotten when it is mended")
    func refusals() async throws {
        var watched = Watched(try ScratchDirectory())
        try watched.directory.write(serviceText("a", "x"), to: "a.yaml")
        try await watched.expect(["complete services"])
        #expect(
            watched.manifests.refusals.map(\.description) == [
                "\(watched.directory.path)/a.yaml: Service default/a: "
                    + "spec.clusterIP: \"x\" is no IP address"
            ])
        try watched.directory.write(serviceText("a"), to: "a.yaml")
        try await watched.expect(["service default/a"])
        #expect(watched.manifests.refusals == [])
    }

    @Test("the directory itself goes and comes back: its last state stays, then what is new counts")
    func wholeDirectory() async throws {
        let outside = try ScratchDirectory()
        try outside.makeDirectory("services")
        try outside.write(serviceText("a"), to: "services/a.yaml")
        var changes = ManifestDirectory("\(outside.path)/services", log: quiet).makeAsyncIterator()
        #expect(
            summary(try await changes.next() ?? []) == ["complete services", "service default/a"])
        try outside.makeDirectory("other")
        try outside.write(serviceText("b"), to: "other/b.yaml")
        outside.remove("services")
        try outside.rename("other", to: "services")
        var seen: [String] = []
        while !seen.contains("service default/b") {
            seen += summary(try await changes.next() ?? [])
        }
        #expect(Set(seen) == ["-service default/a", "service default/b"])
    }
}
