// Changes in a directory and below, by inotify. Says where something happened, not what is there
// now: the reader looks again. A watch on a file would die at the first rename; directories live.

import Glibc

/// Watches a directory tree. Batches end when the task is cancelled, by `stop`, or with the last
/// reference to the watch and its iterators.
package final class DirectoryWatch: AsyncSequence, Sendable {
    /// Something that happened.
    package enum Event: Hashable, Sendable {
        /// A file was closed after writing, an entry renamed here or away or deleted, or a link or
        /// directory made.
        /// `name` is empty when the directory as a whole must be read again: it is new.
        case changed(directory: String, name: String)
        /// A watched directory is gone or was unmounted.
        case directoryGone(String)
        /// The kernel's or our queue overflowed: read everything again.
        case overflow
    }

    /// Events that may wait for a slow reader before they become one `.overflow`.
    package static let eventLimit = 4096

    private let events: Mailbox<Event>
    private let watcher: Watcher

    /// Begins to watch: what happens after this returns is told. Symlinks below are not followed.
    /// - Parameters:
    ///   - recursive: subdirectories too, also those that come later.
    ///   - eventLimit: smaller only to provoke an overflow.
    package init(
        _ path: String, recursive: Bool = true, eventLimit: Int = DirectoryWatch.eventLimit
    ) throws(KernelError) {
        events = Mailbox(limit: eventLimit)
        watcher = try Watcher(path, recursive: recursive)
        try DedicatedThread.detach { [watcher, events] in watcher.loop(into: events) }
    }

    deinit { stop() }

    /// Ends the sequence; what was seen before is still delivered.
    package func stop() { watcher.wake.signal() }

    package func makeAsyncIterator() -> Mailbox<Event>.AsyncIterator {
        events.makeAsyncIterator(keeping: self)
    }
}

/// The inotify descriptor and, on its thread only, which watch is which directory.
private final class Watcher: Sendable {
    let wake: WakeEvent
    private let inotify: FileDescriptor
    private let root: String
    private let recursive: Bool
    private let first: [Int32: String]

    init(_ path: String, recursive: Bool) throws(KernelError) {
        wake = try WakeEvent()
        let flags = Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)
        inotify = FileDescriptor(owning: try check("inotify_init1", path) { inotify_init1(flags) })
        root = path
        self.recursive = recursive
        var watches: [Int32: String] = [:]
        try Self.add(path, to: inotify.rawValue, recursive: recursive, &watches)
        first = watches
    }

    func loop(into events: Mailbox<DirectoryWatch.Event>) {
        var watches = first
        do throws(KernelError) {
            while true {
                let ready = try Readiness.wait(
                    reading: [inotify.rawValue, wake.descriptor.rawValue])
                while let bytes = try inotify.readSome(subject: "inotify \(root)"), !bytes.isEmpty {
                    events.put(batch(bytes, &watches), summary: { [.overflow] })
                }
                if ready[1] { return events.finish() }
            }
        } catch {
            events.finish(throwing: error)
        }
    }

    private func batch(_ bytes: [UInt8], _ watches: inout [Int32: String]) -> [DirectoryWatch.Event]
    {
        let headerSize = MemoryLayout<inotify_event>.size
        var batch: [DirectoryWatch.Event] = []
        var offset = 0
        while offset + headerSize <= bytes.count {
            let header = bytes.withUnsafeBytes {
                $0.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
            }
            let start = offset + headerSize
            let end = min(start + Int(header.len), bytes.count)
            let name = String(decoding: bytes[start..<end].prefix { $0 != 0 }, as: UTF8.self)
            offset = end
            if header.mask & UInt32(IN_Q_OVERFLOW) != 0 {
                batch.append(.overflow)
                // Directories may have come unseen.
                try? Self.add(root, to: inotify.rawValue, recursive: recursive, &watches)
                continue
            }
            guard let directory = watches[header.wd] else { continue }
            if header.mask & UInt32(IN_IGNORED) != 0 {
                watches[header.wd] = nil
                batch.append(.directoryGone(directory))
                continue
            }
            guard header.mask & Self.interesting != 0, !name.isEmpty else { continue }
            // A new file is told when its writer closes it: until then half of it may be there.
            let isEntry = header.mask & UInt32(IN_ISDIR) == 0
            if header.mask & UInt32(IN_CREATE) != 0, isEntry,
                FileSystem.isSingleFile("\(directory)/\(name)")
            {
                continue
            }
            batch.append(.changed(directory: directory, name: name))
            let arrived = UInt32(IN_CREATE) | UInt32(IN_MOVED_TO)
            if recursive, header.mask & UInt32(IN_ISDIR) != 0, header.mask & arrived != 0 {
                // What was made inside before the watch stood makes no event: read it as a whole.
                let path = "\(directory)/\(name)"
                try? Self.add(path, to: inotify.rawValue, recursive: true, &watches)
                batch.append(.changed(directory: path, name: ""))
            }
        }
        return batch
    }

    private static let interesting =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM) | UInt32(IN_DELETE)
        | UInt32(IN_CREATE)

    /// Adds a directory and, if asked, those below. One that vanishes meanwhile is no error.
    private static func add(
        _ path: String, to inotify: Int32, recursive: Bool, _ watches: inout [Int32: String]
    ) throws(KernelError) {
        let mask = interesting | UInt32(IN_ONLYDIR)
        let watch = try check("inotify_add_watch", path) { inotify_add_watch(inotify, path, mask) }
        watches[watch] = path
        guard recursive, let names = try? Directory.entries(path) else { return }
        for name in names where FileSystem.isRealDirectory("\(path)/\(name)") {
            try? add("\(path)/\(name)", to: inotify, recursive: true, &watches)
        }
    }
}
