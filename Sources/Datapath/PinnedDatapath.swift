// The datapath of an agent that is away: its pinned maps, read and, at the very end, removed. Loads
// and attaches nothing.

internal import BPF
internal import CDatapath
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

    /// What the maps hold, and which interfaces of this thread's namespace carry our programs.
    /// Errors: `absent`.
    package func image() throws(DatapathError) -> Image {
        var image = try open().dump()
        let pins = pins
        let roles = try asDatapath { () throws(BPFError) in
            try InterfaceHooks(kind: .supported(), pins: pins).found().roles
        }
        for (interface, role) in roles { image.apply(.attach(interface, role)) }
        for interface in XDPHook(pins: pins).found() { image.apply(.attachXDP(interface)) }
        return image
    }

    /// Packets and dials by reason. Errors: `absent`.
    package func counters() throws(DatapathError) -> [Reason: Count] {
        let maps = try open()
        return try asDatapath { () throws(BPFError) in try maps.readCounters() }
    }

    func open() throws(DatapathError) -> MapSet {
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
        let pins = pins
        try asDatapath { () throws(BPFError) in
            // Without its pin a link lives on until the kernel gets round to it.
            let xdp = XDPHook(pins: pins)
            for interface in xdp.found() { try xdp.detach(from: interface) }
            try InterfaceHooks(kind: .supported(), pins: pins).removeFilters()
        }
        try pins.removeAll()
    }
}
