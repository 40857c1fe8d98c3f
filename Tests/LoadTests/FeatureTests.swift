// The product's probes against what we know of the kernels that we support: a probe that errs would
// quietly take another road (clsact instead of tcx, the stack instead of conntrack's answer).

import BPF
import Support
import Testing

extension KernelFeature {
    /// The probe of the product that answers the same question.
    fileprivate var probe: Feature {
        switch self {
        case .tcx: .tcx
        case .skbConntrack: .skbConntrackLookup
        case .socketStorage: .socketStorageInCgroupHooks
        case .ringBuffer: .ringBuffer
        case .mapBatches: .mapBatches
        case .xdp: .xdp
        }
    }
}

@Suite struct FeatureTests {
    @Test("a probe finds what tools/kernels says of this kernel", arguments: KernelFeature.allCases)
    func probes(_ feature: KernelFeature) throws {
        // Of a kernel that is not listed we know nothing; the probe must answer all the same.
        let found = try feature.probe.isSupported()
        #expect(found == KernelTable.shipped.expects(feature, of: kernelRelease()) ?? found)
    }

    @Test("the table of kernels has an answer for every feature on every kernel")
    func complete() {
        for feature in KernelFeature.allCases {
            for release in ["6.1.0-56-cloud-amd64", "6.12.117+deb12-cloud-amd64", "6.18.5"] {
                #expect(KernelTable.shipped.expects(feature, of: release) != nil)
            }
        }
        #expect(KernelTable.shipped.expects(.tcx, of: "6.1.0-56-cloud-amd64") == false)
        #expect(KernelTable.shipped.expects(.tcx, of: "6.12.117+deb12") == true)
        #expect(KernelTable.shipped.expects(.tcx, of: "4.19.0") == nil)
    }
}
