// Reading what the kernel sent: datagram → messages → attributes. Every length is checked against
// what is there; nothing here can read past the end, and a lying length is an error, not a crash.

import CLibMNL

/// A view of received bytes that is read from the front.
struct Cursor {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// Takes a fixed-size value in host order.
    mutating func read<T: BitwiseCopyable>(_ type: T.Type) throws(MalformedMessage) -> T {
        let size = MemoryLayout<T>.size
        guard rest.count >= size else {
            throw MalformedMessage(structure: "\(type)", needed: size, available: rest.count)
        }
        let value = rest.withUnsafeBytes { $0.loadUnaligned(as: type) }
        rest = rest.dropFirst(size)
        return value
    }

    /// Takes `length` bytes and the padding up to the next multiple of four, which the last
    /// structure of a message may lack.
    mutating func take(_ length: Int, of structure: String) throws(MalformedMessage) -> ArraySlice<
        UInt8
    > {
        guard rest.count >= length else {
            throw MalformedMessage(structure: structure, needed: length, available: rest.count)
        }
        let taken = rest.prefix(length)
        rest = rest.dropFirst((length + 3) & ~3)
        return taken
    }
}

/// One netlink message.
struct Message: Equatable, Sendable {
    /// RTM_NEWLINK, NLMSG_DONE, …
    let type: UInt16
    /// NLM_F_*.
    let flags: UInt16
    let sequence: UInt32
    /// The port of the socket that it answers; 0 in what nobody asked for.
    let port: UInt32
    let payload: ArraySlice<UInt8>

    func `is`(_ type: some Constant) -> Bool { Int(self.type) == type.number }
    func has(_ flag: Int32) -> Bool { Int32(flags) & flag != 0 }

    /// All messages of one datagram.
    static func all(in datagram: [UInt8]) throws(MalformedMessage) -> [Message] {
        var cursor = Cursor(datagram[...])
        var messages: [Message] = []
        while !cursor.rest.isEmpty {
            let whole = cursor.rest.count
            let header = try cursor.read(nlmsghdr.self)
            let size = MemoryLayout<nlmsghdr>.size
            guard header.nlmsg_len >= size, header.nlmsg_len <= whole else {
                throw MalformedMessage(
                    structure: "message of type \(header.nlmsg_type)",
                    needed: max(size, Int(header.nlmsg_len)), available: whole)
            }
            messages.append(
                Message(
                    type: header.nlmsg_type, flags: header.nlmsg_flags, sequence: header.nlmsg_seq,
                    port: header.nlmsg_pid,
                    payload: try cursor.take(Int(header.nlmsg_len) - size, of: "payload")))
        }
        return messages
    }

    /// The message's own header and the attributes behind it.
    func split<T: BitwiseCopyable>(_ header: T.Type) throws(MalformedMessage) -> (T, Attributes) {
        var cursor = Cursor(payload)
        // Padding between header and attributes is part of no structure that we read: all are
        // multiples of four.
        let value = try cursor.read(header)
        return (value, try Attributes(cursor.rest))
    }
}

/// The attributes of a message or of a nested attribute. The last of a kind counts.
struct Attributes {
    private let entries: [(type: Int, payload: ArraySlice<UInt8>)]

    init(_ bytes: ArraySlice<UInt8>) throws(MalformedMessage) {
        var cursor = Cursor(bytes)
        var entries: [(type: Int, payload: ArraySlice<UInt8>)] = []
        while !cursor.rest.isEmpty {
            let whole = cursor.rest.count
            let header = try cursor.read(nlattr.self)
            let size = MemoryLayout<nlattr>.size
            guard header.nla_len >= size, header.nla_len <= whole else {
                throw MalformedMessage(
                    structure: "attribute \(header.nla_type)",
                    needed: max(size, Int(header.nla_len)),
                    available: whole)
            }
            // The two highest bits are NLA_F_NESTED and NLA_F_NET_BYTEORDER.
            let type = Int(header.nla_type & 0x3fff)
            entries.append((type, try cursor.take(Int(header.nla_len) - size, of: "attribute")))
        }
        self.entries = entries
    }

    /// The attribute's bytes, nil when it is absent.
    subscript(_ name: some Constant) -> ArraySlice<UInt8>? {
        entries.last { $0.type == name.number }?.payload
    }

    func contains(_ name: some Constant) -> Bool { self[name] != nil }

    /// Whether there is an attribute beyond the ones named.
    func hasOther(than names: Set<Int>) -> Bool { entries.contains { !names.contains($0.type) } }

    /// A number in host order, nil when it is absent.
    func number<T: FixedWidthInteger & BitwiseCopyable>(
        _ name: some Constant, as type: T.Type = T.self
    ) throws(MalformedMessage) -> T? {
        guard let payload = self[name] else { return nil }
        var cursor = Cursor(payload)
        return try cursor.read(type)
    }

    /// Text up to its NUL, empty when it is absent.
    func string(_ name: some Constant) -> String {
        String(decoding: (self[name] ?? []).prefix { $0 != 0 }, as: UTF8.self)
    }

    /// The attributes inside an attribute, none when it is absent.
    func nested(_ name: some Constant) throws(MalformedMessage) -> Attributes {
        try Attributes(self[name] ?? [])
    }
}
