// What the programs want told, not just counted: records of the ring buffer `events` as values.
// How often an operator reads of the same thing is the reader's affair.

internal import BPF
internal import CDatapath
package import Model

/// One packet that met what an operator should know of.
package struct DatapathEvent: Hashable, Sendable {
    /// Nil for a number that this version does not know.
    package var reason: Reason?
    package var family: IPFamily
    /// IP protocol number.
    package var `protocol`: UInt8
    package var source: IPAddress
    /// Host order; 0 where there are no ports.
    package var sourcePort: UInt16
    package var destination: IPAddress
    package var destinationPort: UInt16
    /// 0: none.
    package var service: UInt32
    /// Where the packet was seen.
    package var interface: UInt32
}

extension DatapathEvent {
    /// Reads a record; nil if it is none of ours.
    init?(record: [UInt8]) {
        guard let event = structValue(record, as: CDatapath.event.self) else { return nil }
        let length = event.family == FAMILY_IPV4 ? 4 : 16
        guard let source = IPAddress(octets: octets(event.source).prefix(length)),
            let destination = IPAddress(octets: octets(event.destination).prefix(length))
        else { return nil }
        reason = Reason(number: event.reason)
        family = source.family
        `protocol` = event.protocol
        self.source = source
        sourcePort = event.source_port
        self.destination = destination
        destinationPort = event.destination_port
        service = event.service_id
        interface = event.ifindex
    }
}

/// Events as they come, from the moment on at which this value is made. One reader for a pin
/// directory: a record goes to one of them only. Ends when the reading task is cancelled.
package struct DatapathEvents: AsyncSequence, Sendable {
    private let ring: RingBuffer

    init(_ pins: Pins) throws(DatapathError) {
        ring = try asDatapath { () throws(BPFError) in
            try RingBuffer(pinned: pins.map("events"))
        }
    }

    /// Skips records that are none of ours.
    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var records: RingBuffer.AsyncIterator

        /// The next event; nil once cancelled.
        package mutating func next() async -> DatapathEvent? {
            while let record = await records.next() {
                if let event = DatapathEvent(record: record) { return event }
            }
            return nil
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(records: ring.makeAsyncIterator())
    }
}

extension Datapath {
    /// Begins to read what the programs want told.
    package nonisolated func events() throws(DatapathError) -> DatapathEvents {
        try DatapathEvents(pins)
    }
}
