// XDP as the plan asks for it, and what became of it.

internal import BPF
internal import Logging

extension Datapath {
    /// `auto` is content with a refusal, which is told in `status` and not tried again until the
    /// interface comes anew or the agent does; the others fail with it.
    func attachXDP(_ interface: UInt32) throws(BPFError) {
        guard configuration.xdp != .off else { return }
        xdpRefusal = nil
        xdpInterface = interface
        let (hook, program) = (xdp, programs.xdp)
        let mode: BPFLink.XDPMode = configuration.xdp == .generic ? .generic : .native
        do throws(BPFError) {
            try inNamespace { () throws(BPFError) in
                try hook.attach(program, to: interface, mode)
            }
        } catch {
            xdpRefusal = "\(error)"
            guard configuration.xdp == .auto else { throw error }
            logger.warning(
                "The primary ENI takes no XDP program; it works without.",
                metadata: ["interface": "\(interface)", "reason": "\(error)"])
        }
    }

    func detachXDP(_ interface: UInt32) throws(BPFError) {
        if xdpInterface == interface { (xdpInterface, xdpRefusal) = (nil, nil) }
        let hook = xdp
        try inNamespace { () throws(BPFError) in try hook.detach(from: interface) }
    }

    /// What became of `--xdp`; nil: it is off.
    package func xdpState() -> XDPState? {
        guard configuration.xdp != .off else { return nil }
        var state = XDPState(choice: configuration.xdp, interface: xdpInterface)
        state.refusal = xdpRefusal
        let hook = xdp
        if let interface = xdpInterface {
            let mode = try? inNamespace { () throws(BPFError) in try hook.mode(on: interface) }
            state.mode = mode.flatMap { $0 }.map { $0 == .native ? "native" : "generic" }
        }
        return state
    }
}
