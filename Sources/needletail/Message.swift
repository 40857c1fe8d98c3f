// Where words go: messages to stderr, data to stdout, each whole.

import FoundationEssentials
import Glibc

/// A line for a person on stderr.
enum Message {
    static func write(_ text: String) { put(Array("\(text)\n".utf8), STDERR_FILENO) }
}

/// What was asked for, on stdout.
enum Output {
    static func write(_ data: Data) { put(Array(data), STDOUT_FILENO) }
}

/// A reader that went away (`| head`) is no error worth a word.
private func put(_ bytes: [UInt8], _ descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = write(descriptor, Array(rest), rest.count)
        if count < 0 && errno != EINTR { return }
        rest = rest.dropFirst(max(0, count))
    }
}
