// Writing what we send: one builder for messages, attributes and nests. Lengths are filled in here
// and nowhere else; the sequence number is filled in by the socket.

import CLibMNL

/// A request under construction.
struct MessageBuilder: Sendable {
    private var bytes: [UInt8]
    let type: UInt16
    /// NLM_F_*, without NLM_F_REQUEST and NLM_F_ACK, which the socket adds.
    let flags: Int32

    init(_ type: some Constant, flags: Int32 = 0) {
        self.type = UInt16(type.number)
        self.flags = flags
        bytes = [UInt8](repeating: 0, count: MemoryLayout<nlmsghdr>.size)
    }

    /// Appends a fixed-size value in host order.
    mutating func append<T: BitwiseCopyable>(_ value: T) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
        pad()
    }

    mutating func attribute(_ name: some Constant, _ octets: [UInt8]) {
        attribute(name.number) { $0.bytes += octets }
    }

    /// A number in host order or a structure of the headers.
    mutating func attribute<T: BitwiseCopyable>(_ name: some Constant, _ value: T) {
        attribute(name.number) { builder in
            withUnsafeBytes(of: value) { builder.bytes.append(contentsOf: $0) }
        }
    }

    /// Text with its NUL.
    mutating func attribute(_ name: some Constant, _ text: String) {
        attribute(name.number) { $0.bytes += Array(text.utf8) + [0] }
    }

    /// An attribute that holds attributes.
    mutating func nest(_ name: some Constant, _ body: (inout MessageBuilder) -> Void) {
        attribute(name.number | Int(NLA_F_NESTED), body)
    }

    private mutating func attribute(_ type: Int, _ body: (inout MessageBuilder) -> Void) {
        let start = bytes.count
        append(nlattr(nla_len: 0, nla_type: UInt16(type)))
        body(&self)
        let length = UInt16(bytes.count - start)
        withUnsafeBytes(of: length) { bytes.replaceSubrange(start..<start + 2, with: $0) }
        pad()
    }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    /// The finished message. The port stays 0: the kernel knows whose socket it is.
    func sealed(flags added: Int32, sequence: UInt32) -> [UInt8] {
        let header = nlmsghdr(
            nlmsg_len: UInt32(bytes.count), nlmsg_type: type, nlmsg_flags: UInt16(flags | added),
            nlmsg_seq: sequence, nlmsg_pid: 0)
        var sealed = bytes
        withUnsafeBytes(of: header) { sealed.replaceSubrange(0..<$0.count, with: $0) }
        return sealed
    }
}
