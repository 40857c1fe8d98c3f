// Our program on the primary ENI's XDP hook: a pinned link on a hook that takes one program,
// whoever's. Nothing here changes an interface's MTU or queues: where a driver refuses, its reason
// is told and the programs behind it do the same work later.

internal import BPF

/// What the operator wants of XDP.
package enum XDPChoice: String, Hashable, Sendable {
    case off
    /// The driver's hook, else none.
    case auto
    /// The driver's hook; a refusal is a failure.
    case native
    /// The kernel's own hook behind any driver, for trying out: slower than no XDP.
    case generic
}

/// What became of it.
package struct XDPState: Hashable, Sendable {
    package var choice: XDPChoice
    /// Nil: the primary ENI is not known yet.
    package var interface: UInt32?
    /// `native` or `generic`; nil: not attached.
    package var mode: String?
    /// Why it is not attached: the call, the kernel's words and the interface's particulars.
    package var refusal: String?
}

/// Attaches and detaches in the namespace that the calling thread is in.
struct XDPHook: Sendable {
    let pins: Pins

    /// E.g. `xdp_2`.
    static func pinName(_ interface: UInt32) -> String { "xdp_\(interface)" }

    /// The interface that a pin's name stands for, nil for other pins.
    static func interface(pinName: String) -> UInt32? {
        pinName.hasPrefix("xdp_") ? UInt32(pinName.dropFirst("xdp_".count)) : nil
    }

    /// Interfaces whose XDP hook has our program.
    func found() -> [UInt32] {
        pins.linkNames().compactMap { name in
            guard let interface = Self.interface(pinName: name),
                let info = try? BPFLink(pinned: pins.link(name)).info()
            else { return nil }
            return info.isDefunct ? nil : interface
        }
    }

    /// How our program runs there; nil: not.
    func mode(on interface: UInt32) throws(BPFError) -> BPFLink.XDPMode? {
        let path = pins.link(Self.pinName(interface))
        guard Pin.exists(path) else { return nil }
        let info = try BPFLink(pinned: path).info()
        if info.isDefunct { return nil }
        return try ProgramQuery.xdp(interface: interface).first { $0.value == info.programID }?.key
    }

    /// Puts the program in the place of the one that an earlier agent left, and removes pins of
    /// what is gone.
    func adopt(_ program: LoadedProgram) throws(BPFError) {
        for name in pins.linkNames() where Self.interface(pinName: name) != nil {
            let link = try BPFLink(pinned: pins.link(name))
            if try link.info().isDefunct {
                try Pin.remove(pins.link(name))
            } else {
                try link.update(to: program.program)
            }
        }
    }

    /// Attaches, or puts the program in the place of ours that is there in the same mode. The error
    /// of a refusal has the kernel's words.
    func attach(
        _ program: LoadedProgram, to interface: UInt32, _ mode: BPFLink.XDPMode
    ) throws(BPFError) {
        let path = pins.link(Self.pinName(interface))
        if Pin.exists(path) {
            if try self.mode(on: interface) == mode {
                try BPFLink(pinned: path).update(to: program.program)
                return
            }
            try detach(from: interface)
        }
        do throws(BPFError) {
            let link = try BPFLink.xdp(program.program, interface: interface, mode)
            try link.pin(at: path)
        } catch {
            throw error.explained(
                by: BPFLink.xdpRefusal(program.program, interface: interface, mode))
        }
    }

    /// Takes our program off. Idempotent: an interface that is gone is fine.
    func detach(from interface: UInt32) throws(BPFError) {
        let path = pins.link(Self.pinName(interface))
        guard Pin.exists(path) else { return }
        let link = try BPFLink(pinned: path)
        if try !link.info().isDefunct { try link.detach() }
        try Pin.remove(path)
    }
}

extension BPFError {
    /// The same with more of the kernel's words.
    fileprivate func explained(by words: String) -> BPFError {
        guard case .system(let operation, let subject, let errno, let detail) = self,
            !words.isEmpty
        else { return self }
        return .system(
            operation: operation, subject: subject, errno: errno,
            detail: detail.isEmpty ? words : "\(detail); \(words)")
    }
}
