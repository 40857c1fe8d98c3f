// Records that BPF programs send up, as an async sequence.
// A thread of its own waits in poll(2), since the cooperative pool must not block. It takes records
// only while there is room for them here: a slow reader leaves them in the kernel's buffer, and
// when that is full too, the *program* sees it (bpf_ringbuf_reserve fails) and can count it.
// Nothing is lost silently.

import CLibBPF
import Glibc
import Linux

/// The records of a ring buffer map, each as the bytes that the program wrote.
///
/// All iterators share one queue: a record goes to one of them. The sequence ends (nil) when the
/// task is cancelled or `stop` is called. Reading goes on, up to `RingBuffer.queueLimit` records,
/// from the first moment, and stops when this object and its iterators are gone.
public final class RingBuffer: AsyncSequence, Sendable {
    /// Records kept here for a reader that is slower than the programs.
    public static let queueLimit = 4096

    private let queue: RecordQueue
    /// How errors name the map.
    public let subject: String

    init(handle: consuming FileDescriptor, name: String) throws(BPFError) {
        subject = "map \(name)"
        queue = try RecordQueue(limit: Self.queueLimit)
        try RingBufferThread.start(map: handle, queue: queue, subject: subject)
    }

    /// Starts to read the ring buffer that is pinned at `path`.
    public convenience init(pinned path: String) throws(BPFError) {
        try self.init(handle: FileDescriptor.pinned(at: path, .map), name: path)
    }

    deinit { queue.finish() }

    /// Ends the sequence for all readers; records not yet read are dropped.
    public func stop() { queue.finish() }

    /// Takes records from the queue that all iterators share.
    public struct AsyncIterator: AsyncIteratorProtocol {
        // Keeps the reading going while somebody iterates.
        let buffer: RingBuffer

        /// The next record; nil once stopped or cancelled.
        public mutating func next() async -> [UInt8]? {
            await buffer.queue.next()
        }

        /// As `next()`, for generic code.
        public mutating func next(isolation: isolated (any Actor)?) async -> [UInt8]? {
            await buffer.queue.next()
        }
    }

    /// Another reader of the same queue.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(buffer: self) }
}

extension BPFObject {
    /// Starts to read a loaded object's ring buffer.
    public func ringBuffer(_ map: String) throws(BPFError) -> RingBuffer {
        try RingBuffer(handle: mapDescriptor(map), name: map)
    }
}
