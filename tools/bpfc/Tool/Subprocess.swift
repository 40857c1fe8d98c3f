// Files and child processes for bpfc, straight from libc: Foundation would make the tool, which
// every build builds first, several times as big.

import Glibc

/// Why bpfc could not do what was asked.
struct Failure: Error {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Runs `words`, the child writing to our own stdout and stderr; throws unless it exits with 0.
func spawn(_ words: [String]) throws(Failure) {
    try run(words, actions: nil)
}

/// Runs `words` and returns what it printed on stdout; its stderr is dropped.
func capture(_ words: [String]) throws(Failure) -> String {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw Failure("pipe: \(String(cString: strerror(errno)))") }
    defer { close(ends[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_addclose(&actions, ends[0])
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    // What is captured fits a pipe's buffer (64 KiB), so it can be read after the child's exit.
    do {
        try run(words, actions: &actions)
    } catch {
        close(ends[1])
        throw error
    }
    close(ends[1])
    return String(decoding: readAll(ends[0]), as: UTF8.self)
}

private func run(
    _ words: [String], actions: UnsafeMutablePointer<posix_spawn_file_actions_t>?
) throws(Failure) {
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    let code = posix_spawnp(&child, words[0], actions, nil, arguments, environ)
    guard code == 0 else { throw Failure("\(words[0]): \(String(cString: strerror(code)))") }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    guard status == 0 else { throw Failure("failed: \(words.joined(separator: " "))") }
}

private func readAll(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count <= 0 { return bytes }
        bytes += buffer[..<count]
    }
}

/// The bytes of the file at `path`.
func readFile(_ path: String) throws(Failure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure("\(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    return readAll(descriptor)
}

/// Writes `text` to `path`, whole or not at all.
func writeFile(_ path: String, _ text: String) throws(Failure) {
    let temporary = path + ".new"
    guard let file = fopen(temporary, "w") else {
        throw Failure("\(temporary): \(String(cString: strerror(errno)))")
    }
    let written = fwrite(text, 1, text.utf8.count, file) == text.utf8.count
    guard fclose(file) == 0, written, rename(temporary, path) == 0 else {
        throw Failure("\(path): \(String(cString: strerror(errno)))")
    }
}

/// Prints a line on stderr.
func writeError(_ line: String) {
    var text = line + "\n"
    _ = text.withUTF8 { write(2, $0.baseAddress, $0.count) }
}
