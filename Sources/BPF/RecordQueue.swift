// Between the thread that reads a ring buffer and the tasks that want its records: a bounded queue.
// The thread can't wait on a lock while it sits in poll(2), so it is woken through an eventfd.

import Glibc
import Linux
import Synchronization

/// A bounded first-in-first-out queue with a blocking writer and async readers.
final class RecordQueue: Sendable {
    /// What the writing thread should do next.
    enum Demand {
        case more, wait, stop
    }

    private struct State {
        /// Records from `first` on are unread; those before it are dropped in one go.
        var records: [[UInt8]] = []
        var first = 0
        /// Readers in the order of their asking; there are any only while `records` is read empty.
        var readers: [(ticket: UInt64, continuation: CheckedContinuation<[UInt8]?, Never>)] = []
        var lastTicket: UInt64 = 0
        var isFinished = false

        var unread: Int { records.count - first }
    }

    private let state = Mutex(State())
    private let limit: Int
    private let wake: WakeEvent

    /// An eventfd that becomes readable when the writer should ask for `demand` again.
    var wakeDescriptor: Int32 { wake.descriptor.rawValue }

    init(limit: Int) throws(BPFError) {
        self.limit = limit
        wake = try inBPFError { () throws(KernelError) in try WakeEvent() }
    }

    /// Whether the writer should go on.
    func demand() -> Demand {
        state.withLock { $0.isFinished ? .stop : $0.unread < limit ? .more : .wait }
    }

    /// Adds a record; says whether another one may follow at once.
    func append(_ record: [UInt8]) -> Demand {
        let (reader, demand) = state.withLock { state in
            var reader: CheckedContinuation<[UInt8]?, Never>?
            if state.readers.isEmpty {
                state.records.append(record)
            } else {
                reader = state.readers.removeFirst().continuation
            }
            let demand: Demand = state.isFinished ? .stop : state.unread < limit ? .more : .wait
            return (reader, demand)
        }
        reader?.resume(returning: record)
        return demand
    }

    /// The next record, as soon as there is one; nil once finished, or if the task is cancelled.
    func next() async -> [UInt8]? {
        let ticket = state.withLock { state in
            state.lastTicket += 1
            return state.lastTicket
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> [UInt8]?? in
                    if state.isFinished || Task.isCancelled { return .some(nil) }
                    if state.unread > 0 { return .some(take(&state)) }
                    state.readers.append((ticket, continuation))
                    return .none
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let reader = state.withLock { state -> CheckedContinuation<[UInt8]?, Never>? in
                guard let at = state.readers.firstIndex(where: { $0.ticket == ticket }) else {
                    return nil
                }
                return state.readers.remove(at: at).continuation
            }
            reader?.resume(returning: nil)
        }
    }

    private func take(_ state: inout State) -> [UInt8] {
        let wasFull = state.unread >= limit
        let record = state.records[state.first]
        state.first += 1
        if state.first == state.records.count || state.first >= limit {
            state.records.removeFirst(state.first)
            state.first = 0
        }
        if wasFull { wake.signal() }
        return record
    }

    /// Ends it: readers get nil, the writer is told to stop.
    func finish() {
        let readers = state.withLock { state in
            state.isFinished = true
            let readers = state.readers
            state.readers = []
            state.records = []
            state.first = 0
            return readers
        }
        for reader in readers { reader.continuation.resume(returning: nil) }
        wake.signal()
    }
}
