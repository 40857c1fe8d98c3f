// What the tests of this room need of the machine, and things of their own that go away again.

import Glibc
import Linux
import Testing

/// Tests that make namespaces, cgroups or mounts say so and skip aloud without the right.
let needsRoot = ConditionTrait.enabled(if: geteuid() == 0, "needs root")

/// A name that no other test and no other run uses.
func uniqueName(_ stem: String) -> String {
    "\(stem)-\(getpid())-\(UInt32.random(in: 0 ... .max))"
}

/// A directory of the test's own, gone when the closure ends.
func withTemporaryDirectory<T>(_ body: (String) async throws -> T) async throws -> T {
    let path = "/tmp/\(uniqueName("linux-tests"))"
    try Directory.create(path)
    defer { remove(tree: path) }
    return try await body(path)
}

private func remove(tree path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
        for name in (try? Directory.entries(path)) ?? [] { remove(tree: "\(path)/\(name)") }
        rmdir(path)
    } else {
        unlink(path)
    }
}
