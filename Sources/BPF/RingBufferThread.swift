// The thread that waits for a ring buffer's records and copies them into the queue.
// It owns the libbpf ring buffer from start to end, so nothing here needs a lock.

import CLibBPF
import Glibc
import Linux

/// Reads one ring buffer until its queue says stop.
///
/// Unchecked: it is made on one thread, handed to its own, and touched by that alone from then on.
final class RingBufferThread: @unchecked Sendable {
    private let queue: RecordQueue
    private let map: FileDescriptor
    private var ring: OpaquePointer?

    private init(_ map: consuming FileDescriptor, queue: RecordQueue) {
        self.map = map
        self.queue = queue
    }

    /// Starts the thread; it ends by itself.
    static func start(
        map: consuming FileDescriptor, queue: RecordQueue, subject: String
    ) throws(BPFError) {
        let thread = RingBufferThread(map, queue: queue)
        let (ring, detail) = LibraryLog.gathering {
            ring_buffer__new(
                thread.map.rawValue,
                { context, data, size in
                    RingBufferThread.receive(context, data, size)
                }, Unmanaged.passUnretained(thread).toOpaque(), nil)
        }
        guard let ring else {
            throw .system(
                operation: "ring_buffer__new", subject: subject, errno: errno, detail: detail)
        }
        thread.ring = ring

        try inBPFError { () throws(KernelError) in
            try DedicatedThread.detach { thread.run() }
        }
    }

    deinit { ring_buffer__free(ring) }

    private func run() {
        while true {
            switch queue.demand() {
            case .stop: return
            case .more: wait(forRecords: true)
            case .wait: wait(forRecords: false)
            }
        }
    }

    /// Waits for the queue's word and, if it has room, for records; takes what is there.
    private func wait(forRecords: Bool) {
        var polled = [
            pollfd(fd: queue.wakeDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ring_buffer__epoll_fd(ring), events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&polled, forRecords ? 2 : 1, -1) > 0 else { return }
        if polled[0].revents != 0 {
            var ignored: UInt64 = 0
            read(queue.wakeDescriptor, &ignored, MemoryLayout<UInt64>.size)
        }
        // Ends early, with the callback's negative result, when the queue is full.
        if polled[1].revents != 0 { ring_buffer__consume(ring) }
    }

    /// Takes one record; a negative result makes libbpf pause behind it.
    private static func receive(
        _ context: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?, _ size: Int
    ) -> Int32 {
        guard let context, let data else { return 0 }
        let thread = Unmanaged<RingBufferThread>.fromOpaque(context).takeUnretainedValue()
        let record = Array(UnsafeRawBufferPointer(start: data, count: size))
        return thread.queue.append(record) == .more ? 0 : -EAGAIN
    }
}
