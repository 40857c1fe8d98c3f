// The ring buffer: nothing lost and in order while somebody reads, back pressure up to the program
// while nobody does, and an end on cancellation. events.bpf.c numbers its records.

import Testing

@testable import BPF

/// As `struct event` in events.bpf.c.
private struct Event: BitwiseCopyable {
    var number: UInt64 = 0
    var length: UInt32 = 0
    var pad: UInt32 = 0
}

private func eventsObject() throws -> BPFObject {
    let object = try BPFObject(base64: EventsObject.base64, name: "events")
    try object.load()
    return object
}

private func number(_ record: [UInt8]) -> UInt64 {
    record.withUnsafeBytes { $0.loadUnaligned(as: Event.self).number }
}

@Suite(.needsRoot, .timeLimit(.minutes(5))) struct RingBufferTests {
    @Test("10,000 records arrive, in order, none lost and none twice")
    func completeness() async throws {
        let object = try eventsObject()
        let program = try object.program("emit")
        let ring = try object.ringBuffer("events")
        var iterator = ring.makeAsyncIterator()
        var received: [UInt64] = []
        // 64 KiB hold 2730 records of 16 + 8 bytes: rounds of 1000 always find room, since a round
        // begins when the one before has arrived.
        for round in 0..<10 {
            _ = try program.testRun(packet: emptyFrame, repetitions: 1000)
            while received.count < (round + 1) * 1000, let record = await iterator.next() {
                #expect(record.count == 16)
                received.append(number(record))
            }
        }
        #expect(received == Array(0..<10_000))
        let tally: BPFMap<UInt32, UInt64> = try object.map("tally")
        #expect(try tally.lookup(1) == 0)
    }

    @Test("without a reader the program is told that there is no room, and what it sent is kept")
    func backPressure() async throws {
        let object = try eventsObject()
        let program = try object.program("emit")
        let ring = try object.ringBuffer("events")
        let tally: BPFMap<UInt32, UInt64> = try object.map("tally")
        // The queue's records, and those of 16 + 8 bytes that fit into 64 KiB in the kernel.
        let room = UInt64(RingBuffer.queueLimit + 65_536 / 24)
        // While the reading thread lags, the kernel's part may be full before its time.
        try waitUntil {
            _ = try program.testRun(packet: emptyFrame, repetitions: 2000)
            return try tally.lookup(0) ?? 0 >= room
        }
        let lost = try #require(try tally.lookup(1))
        _ = try program.testRun(packet: emptyFrame, repetitions: 5000)
        #expect(try tally.lookup(0) == room)
        #expect(try tally.lookup(1) == lost + 5000)

        var received: [UInt64] = []
        for await record in ring {
            received.append(number(record))
            if received.count == room { break }
        }
        #expect(received == Array(0..<room))
    }

    @Test("a task that waits for a record ends when it is cancelled, and the next one goes on")
    func cancellation() async throws {
        let object = try eventsObject()
        let ring = try object.ringBuffer("events")
        let waiting = Task { () -> [UInt8]? in
            var iterator = ring.makeAsyncIterator()
            return await iterator.next()
        }
        waiting.cancel()
        #expect(await waiting.value == nil)
        _ = try object.program("emit").testRun(packet: emptyFrame)
        var iterator = ring.makeAsyncIterator()
        let record = try #require(await iterator.next())
        #expect(number(record) == 0)
    }

    @Test("stopping ends the sequence for all who wait")
    func stopping() async throws {
        let object = try eventsObject()
        let ring = try object.ringBuffer("events")
        async let first = ring.reduce(0) { count, _ in count + 1 }
        async let second = ring.reduce(0) { count, _ in count + 1 }
        ring.stop()
        let counts = await [first, second]
        #expect(counts == [0, 0])
    }

    @Test("a map that is no ring buffer is refused")
    func wrongMap() throws {
        let object = try eventsObject()
        #expect(throws: BPFError.self) { _ = try object.ringBuffer("tally") }
        #expect(throws: BPFError.missing("map absent in object events")) {
            _ = try object.ringBuffer("absent")
        }
    }
}
