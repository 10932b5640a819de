/**
 * What the lab and the tests need from Debian. `probe` is a command, or a file by its absolute path, by which the thing is
 * recognised on other systems.
 */
export const labPackages = [
  // Network namespaces, bridges and virtual Ethernet pairs of the lab.
  { name: "iproute2", probe: "ip" },
  // systemd-nspawn: a target with a real systemd and sshd.
  { name: "systemd-container", probe: "systemd-nspawn" },
  // Builds the target's root folder.
  { name: "mmdebstrap", probe: "mmdebstrap" },
  // The machines that network-boot.
  { name: "qemu-system-x86", probe: "qemu-system-x86_64" },
  // Their PXE ROMs.
  { name: "ipxe-qemu", probe: "/usr/lib/ipxe/qemu/pxe-virtio.rom" },
  // lpxelinux.0, the loader for BIOS machines.
  { name: "pxelinux", probe: "/usr/lib/PXELINUX/lpxelinux.0" },
  // ldlinux.c32, which lpxelinux.0 fetches from beside itself.
  { name: "syslinux-common", probe: "/usr/lib/syslinux/modules/bios/ldlinux.c32" },
  // Kernel and initrd of the installer that the example boots.
  { name: "debian-installer-12-netboot-amd64", probe: "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/linux", onlyOn: "debian 12" },
  // ssh-keygen for the lab's keys; ssh to look around in the target.
  { name: "openssh-client", probe: "ssh-keygen" },
  // Looks for firewalls on the way, and sets up the tests' own.
  { name: "nftables", probe: "nft" },
];

/** Programs that nobody here wrote, to test against. */
export const testPackages = [
  // DHCP clients: ISC's, and busybox's, which most installers carry.
  { name: "isc-dhcp-client", probe: "dhclient" },
  { name: "udhcpc", probe: "udhcpc" },
  // The one with a DUID, and with INFORM.
  { name: "dhcpcd-base", probe: "dhcpcd" },
  // One that speaks BOOTP, as ROMs of before 1997 do; bootptest beside it shows a reply.
  { name: "bootpc", probe: "bootpc" },
  { name: "bootp", probe: "bootptest" },
  // A DHCP relay agent, with option 82.
  { name: "isc-dhcp-relay", probe: "dhcrelay" },
  // Its scripts ask a DHCP server, and tell how they understand it.
  { name: "nmap", probe: "nmap" },
  // A DHCP codec.
  { name: "python3-scapy", probe: "/usr/lib/python3/dist-packages/scapy/layers/dhcp.py" },
  // perfdhcp, a DHCP load generator.
  { name: "kea-admin", probe: "perfdhcp" },
  // DHCP servers that aren't ours: the agent is a proxy beside one, and refuses to give out addresses beside one.
  { name: "dnsmasq-base", probe: "dnsmasq" },
  { name: "kea-dhcp4-server", probe: "kea-dhcp4" },
  // UEFI firmware for virtual machines.
  { name: "ovmf", probe: "/usr/share/OVMF/OVMF_CODE_4M.fd" },
  // iPXE as a program that UEFI firmware loads.
  { name: "ipxe", probe: "/usr/lib/ipxe/snponly.efi" },
  // TFTP clients: atftp with block sizes and windows, tftp-hpa as the strict one.
  { name: "atftp", probe: "atftp" },
  { name: "tftp-hpa", probe: "tftp" },
  // An HTTP client for ranges and broken transfers.
  { name: "curl", probe: "curl" },
  // Sees that the disk has a lease before its ACK is sent.
  { name: "strace", probe: "strace" },
  // A packet filter to be opened, as iptables has it.
  { name: "iptables", probe: "iptables" },
  // Captures what goes over the wire.
  { name: "tcpdump", probe: "tcpdump" },
  // Unpacks the target's root folder quickly.
  { name: "zstd", probe: "zstd" },
];
