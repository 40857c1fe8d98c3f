// The datapath of an agent that is away: its pinned maps, read and, at the very end, removed. Loads
// and attaches nothing.

internal import BPF
internal import CDatapath
internal import Glibc
package import Plan

/// What is pinned under one directory.
package struct PinnedDatapath: Sendable {
    private let pins: Pins

    /// Names a pin directory; touches nothing.
    package init(bpffs: String) { pins = Pins(root: bpffs) }

    /// Whether anything of ours is pinned there.
    package var exists: Bool { Pin.exists(pins.map("control")) }

    /// The generation that acts, 0 when the programs are inert. Errors: `absent`.
    package func generation() throws(DatapathError) -> UInt32 {
        let maps = try open()
        return try asDatapath { () throws(BPFError) in try maps.control.lookup(0)?.generation ?? 0 }
    }

    /// What the maps hold. Errors: `absent`.
    package func image() throws(DatapathError) -> Image {
        var image = try open().dump()
        for name in pins.linkNames() {
            if let (interface, role) = InterfaceHooks.attachment(pinName: name) {
                image.apply(.attach(interface, role))
            }
        }
        return image
    }

    /// Packets and dials by reason. Errors: `absent`.
    package func counters() throws(DatapathError) -> [Reason: Count] {
        let maps = try open()
        return try asDatapath { () throws(BPFError) in try maps.readCounters() }
    }

    private func open() throws(DatapathError) -> MapSet {
        guard exists else { throw .absent(path: pins.version) }
        let pins = pins
        return try asDatapath { () throws(BPFError) in try MapSet(pins) }
    }

    /// Takes everything of ours away: first all programs become inert at once, then hooks and maps
    /// go. Connections that the socket hook translated go on: they never needed the maps.
    /// Idempotent. Call on a thread in the node's network namespace, with no agent running.
    package func cleanUp() throws(DatapathError) {
        if exists {
            let maps = try open()
            try asDatapath { () throws(BPFError) in try maps.control.update(0, CDatapath.control())
            }
        }
        try removeFilters()
        try pins.removeAll()
    }

    /// Our clsact filters, where the kernel has no tcx. The qdiscs stay, others may use them.
    private func removeFilters() throws(DatapathError) {
        try asDatapath { () throws(BPFError) in
            guard try !Feature.tcx.isSupported(), let list = if_nameindex() else { return }
            defer { if_freenameindex(list) }
            var next = list
            while next.pointee.if_index != 0 {
                _ = try InterfaceHooks.filter(next.pointee.if_index).detach()
                next += 1
            }
        }
    }
}
