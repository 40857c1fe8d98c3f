// The kernel's headers spell the same kind of constant as macros, anonymous enums and named enums,
// which arrive in Swift as different types. Here they become one, and the few that the headers hide
// or that glibc's copies of them lack are named with their source.

import CLibMNL

/// A constant of the netlink headers, whichever type it arrived as.
protocol Constant {
    /// Its value; every one that we use is small and not negative.
    var number: Int { get }
}

extension Int: Constant { var number: Int { self } }
extension Int32: Constant { var number: Int { Int(self) } }
extension UInt32: Constant { var number: Int { Int(self) } }
extension rtattr_type_t: Constant { var number: Int { Int(rawValue) } }
extension rt_class_t: Constant { var number: Int { Int(rawValue) } }
extension rt_scope_t: Constant { var number: Int { Int(rawValue) } }
extension nlmsgerr_attrs: Constant { var number: Int { Int(rawValue) } }
extension ctattr_type: Constant { var number: Int { Int(rawValue) } }
extension ctattr_tuple: Constant { var number: Int { Int(rawValue) } }
extension ctattr_ip: Constant { var number: Int { Int(rawValue) } }
extension ctattr_l4proto: Constant { var number: Int { Int(rawValue) } }
extension cntl_msg_types: Constant { var number: Int { Int(rawValue) } }
extension rtnetlink_groups: Constant { var number: Int { Int(rawValue) } }

/// linux/if.h, which clashes with net/if.h.
enum InterfaceFlag {
    static let up: UInt32 = 1 << 0
    static let loopback: UInt32 = 1 << 3
}

/// linux/if_arp.h.
enum HardwareType {
    static let ethernet: UInt16 = 1
}

/// Places that filters and qdiscs hang on: major and minor number in the high and the low half
/// (linux/pkt_sched.h, whose macros do not arrive in Swift).
enum TrafficHandle {
    /// TC_H_ROOT.
    static let root: UInt32 = 0xffff_ffff
    /// TC_H_CLSACT.
    static let clsact: UInt32 = 0xffff_fff1
    /// TC_H_CLSACT with TC_H_MIN_INGRESS.
    static let clsactIngress: UInt32 = 0xffff_fff2
    /// TC_H_CLSACT with TC_H_MIN_EGRESS.
    static let clsactEgress: UInt32 = 0xffff_fff3
    /// `ffff:0`, the handle of clsact and of the older ingress qdisc.
    static let ingress: UInt32 = 0xffff_0000
}

/// The families' numbers in messages (AF_INET, AF_INET6), as a byte of their headers.
enum AddressFamily {
    static let unspecified: UInt8 = 0
    static let v4: UInt8 = 2
    static let v6: UInt8 = 10
}
