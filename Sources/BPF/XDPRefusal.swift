// Why an interface does not take an XDP program. A link that can't be made brings an errno only;
// the older way of attaching, by rtnetlink, brings the driver's own words.

import CLibBPF
import Glibc

extension BPFLink {
    /// The kernel's words on why `program` can't be attached, with who sits there already, the
    /// driver, its MTU and its queues. To be asked after `xdp` threw; attaches nothing.
    public static func xdpRefusal(
        _ program: borrowing BPFProgram, interface: UInt32, _ mode: XDPMode
    ) -> String {
        var facts: [String] = []
        let number = program.descriptor
        let index = Int32(bitPattern: interface)
        // UPDATE_IF_NOEXIST: what is there stays.
        let flags = mode.rawValue | UInt32(XDP_FLAGS_UPDATE_IF_NOEXIST)
        let (result, words) = LibraryLog.gathering {
            bpf_xdp_attach(index, number, flags, nil)
        }
        if result == 0 {
            // Whatever was in the way went this moment. Off again: it would have no owner.
            bpfshim_xdp_detach(index, number, mode.rawValue)
            facts.append("it was in the way of something that has gone since")
        } else if !words.isEmpty {
            facts.append(words)
        }
        for (mode, id) in (try? ProgramQuery.xdp(interface: interface)) ?? [:] {
            let name = (try? BPFProgram(id: id).name) ?? "unknown"
            facts.append("\(mode) program \(name) (id \(id)) is attached")
        }
        var device = bpfshim_device()
        if bpfshim_describe_device(index, &device) == 0 {
            facts.append(
                "driver \(device.driverName), MTU \(device.mtu), "
                    + "\(device.rx_queues) receive and \(device.tx_queues) transmit queues")
        }
        return facts.joined(separator: "; ")
    }
}

extension bpfshim_device {
    fileprivate var driverName: String {
        withUnsafeBytes(of: driver) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

extension ProgramQuery {
    /// Ids of the programs on an interface's XDP hooks, whoever's. In the calling thread's network
    /// namespace. Errors: ENODEV.
    public static func xdp(
        interface: UInt32
    ) throws(BPFError) -> [BPFLink.XDPMode: UInt32] {
        var native: UInt32 = 0
        var generic: UInt32 = 0
        let (result, words) = LibraryLog.gathering {
            bpfshim_xdp_query(Int32(bitPattern: interface), &native, &generic)
        }
        try check(result, "bpf_xdp_query", "interface \(interface)", words)
        var programs: [BPFLink.XDPMode: UInt32] = [:]
        if native != 0 { programs[.native] = native }
        if generic != 0 { programs[.generic] = generic }
        return programs
    }
}
