/**
 * What dhcp-options(5) calls each option, which is what most configurations and sniffers are read with; where it has no name, one
 * of that kind. Leases' own names stand without their `dhcp-`.
 */
export const optionNames: ReadonlyMap<number, string> = new Map([
  [1, "subnet-mask"], [2, "time-offset"], [3, "routers"], [4, "time-servers"], [5, "ien116-name-servers"], [6, "domain-name-servers"],
  [7, "log-servers"], [8, "cookie-servers"], [9, "lpr-servers"], [10, "impress-servers"], [11, "resource-location-servers"], [12, "host-name"],
  [13, "boot-size"], [14, "merit-dump"], [15, "domain-name"], [16, "swap-server"], [17, "root-path"], [18, "extensions-path"],
  [19, "ip-forwarding"], [20, "non-local-source-routing"], [21, "policy-filter"], [22, "max-dgram-reassembly"], [23, "default-ip-ttl"],
  [24, "path-mtu-aging-timeout"], [25, "path-mtu-plateau-table"], [26, "interface-mtu"], [27, "all-subnets-local"], [28, "broadcast-address"],
  [29, "perform-mask-discovery"], [30, "mask-supplier"], [31, "router-discovery"], [32, "router-solicitation-address"], [33, "static-routes"],
  [34, "trailer-encapsulation"], [35, "arp-cache-timeout"], [36, "ieee802-3-encapsulation"], [37, "default-tcp-ttl"],
  [38, "tcp-keepalive-interval"], [39, "tcp-keepalive-garbage"], [40, "nis-domain"], [41, "nis-servers"], [42, "ntp-servers"],
  [43, "vendor-encapsulated-options"], [44, "netbios-name-servers"], [45, "netbios-dd-server"], [46, "netbios-node-type"],
  [47, "netbios-scope"], [48, "font-servers"], [49, "x-display-manager"], [50, "requested-address"], [51, "lease-time"],
  [52, "option-overload"], [53, "message-type"], [54, "server-identifier"], [55, "parameter-request-list"], [56, "message"],
  [57, "max-message-size"], [58, "renewal-time"], [59, "rebinding-time"], [60, "vendor-class-identifier"], [61, "client-identifier"],
  [62, "nwip-domain"], [63, "nwip-suboptions"], [64, "nisplus-domain"], [65, "nisplus-servers"], [66, "tftp-server-name"],
  [67, "bootfile-name"], [68, "mobile-ip-home-agent"], [69, "smtp-server"], [70, "pop-server"], [71, "nntp-server"], [72, "www-server"],
  [73, "finger-server"], [74, "irc-server"], [75, "streettalk-server"], [76, "streettalk-directory-assistance-server"], [77, "user-class"],
  [80, "rapid-commit"], [81, "fqdn"], [82, "relay-agent-information"], [90, "authentication"], [93, "pxe-system-type"],
  [94, "pxe-interface-id"], [97, "pxe-client-id"], [100, "pcode"], [101, "tcode"], [108, "v6-only-preferred"], [114, "default-url"],
  [116, "auto-config"], [117, "name-service-search"], [118, "subnet-selection"], [119, "domain-search"], [121, "classless-static-routes"],
  [124, "vivco"], [125, "vivso"], [128, "pxe-128"], [129, "pxe-129"], [130, "pxe-130"], [131, "pxe-131"], [132, "pxe-132"],
  [133, "pxe-133"], [134, "pxe-134"], [135, "pxe-135"], [150, "tftp-server-address"], [175, "ipxe-encap-opts"], [208, "loader-magic"],
  // Not loader-configfile and loader-pathprefix: plans of earlier versions have these.
  [209, "configuration-file"], [210, "path-prefix"], [211, "loader-reboottime"], [249, "ms-classless-static-routes"], [252, "wpad-url"],
]);
