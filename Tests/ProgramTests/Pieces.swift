// Cuts a whole frame into the fragments that a router would make of it. The program tests compare
// them with the pieces of the whole translated frame: a fragment must come out as if the packet had
// been translated first and cut afterwards.

import Model

extension Frame {
    /// One fragment to make: which octets of what follows the IP header, and if it is the last.
    struct Cut {
        var offset: Int
        var count: Int
        var isLast: Bool
        /// What the header says instead of `offset`.
        var statedOffset: Int?

        init(_ offset: Int, _ count: Int, last: Bool = false, statedOffset: Int? = nil) {
            self.offset = offset
            self.count = count
            self.statedOffset = statedOffset
            isLast = last
        }
    }

    /// What follows the IP header.
    var body: [UInt8] { Array(bytes.dropFirst(isIPv6 ? 54 : 34)) }

    /// Octets that a fragment of this size carries at most: a multiple of 8.
    static let pieceSize = 1400

    /// All of the frame in order, in pieces of `pieceSize`.
    func pieces(id: UInt16 = 0x77) -> [[UInt8]] {
        let total = body.count
        return stride(from: 0, to: total, by: Self.pieceSize).map { offset in
            let count = min(Self.pieceSize, total - offset)
            return piece(Cut(offset, count, last: offset + count == total), id: id)
        }
    }

    /// One fragment of the frame.
    func piece(_ cut: Cut, id: UInt16 = 0x77) -> [UInt8] {
        let part = Array(body[cut.offset..<cut.offset + cut.count])
        let offset = UInt16(cut.statedOffset ?? cut.offset)
        var header = Array(bytes.prefix(isIPv6 ? 54 : 34))
        func set(_ position: Int, _ value: UInt16) {
            header[position] = UInt8(value >> 8)
            header[position + 1] = UInt8(value & 0xff)
        }
        if isIPv6 {
            let next = header[20]
            header[20] = 44
            set(18, UInt16(8 + part.count))
            let field = offset | (cut.isLast ? 0 : 1)
            return header + [next, 0, UInt8(field >> 8), UInt8(field & 0xff), 0, 0]
                + [UInt8(id >> 8), UInt8(id & 0xff)] + part
        }
        set(16, UInt16(20 + part.count))
        set(18, id)
        set(20, offset / 8 | (cut.isLast ? 0 : 0x2000))
        set(24, 0)
        set(24, checksum(Array(header[14...])))
        return header + part
    }
}
