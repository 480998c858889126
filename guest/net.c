/* Addresses, routes and sysctls of the guest's network, by rtnetlink. */
#define _GNU_SOURCE
#include "net.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "system.h"

struct request {
    struct nlmsghdr header;
    union {
        struct rtmsg route;
        struct ifaddrmsg address;
    } body;
    uint8_t attributes[64];
};

static void add_attribute(struct request *request, unsigned short type, const void *value, unsigned short length)
{
    struct rtattr *attribute = (struct rtattr *)(void *)((uint8_t *)request + NLMSG_ALIGN(request->header.nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(length);
    memcpy(RTA_DATA(attribute), value, length);
    request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

static void ask_kernel(int netlink, struct request *request, const char *what)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        uint8_t rest[512];
    } answer;
    request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    if (send(netlink, request, request->header.nlmsg_len, 0) < 0) fault("%s: %m", what);
    if (recv(netlink, &answer, sizeof answer, 0) < (ssize_t)(sizeof answer.header + sizeof answer.error)) fault("%s: short answer", what);
    if (answer.header.nlmsg_type != NLMSG_ERROR || answer.error.error != 0) fault("%s: error %d", what, -answer.error.error);
}

/* ip route add local default dev lo [src OWN_ADDRESS] */
static void add_local_route(int netlink, int family, int loopback)
{
    struct request request = {.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .header.nlmsg_type = RTM_NEWROUTE};
    request.body.route = (struct rtmsg){
        .rtm_family = (unsigned char)family,
        .rtm_table = RT_TABLE_LOCAL,
        .rtm_protocol = RTPROT_STATIC,
        .rtm_scope = RT_SCOPE_HOST,
        .rtm_type = RTN_LOCAL,
    };
    add_attribute(&request, RTA_OIF, &loopback, sizeof loopback);
    if (family == AF_INET) {
        /* Without a source of its own a connection would come from the address it goes to, and could meet itself. */
        uint32_t own = htonl(OWN_ADDRESS);
        add_attribute(&request, RTA_PREFSRC, &own, sizeof own);
    }
    ask_kernel(netlink, &request, family == AF_INET ? "local route for IPv4" : "local route for IPv6");
}

static void add_own_address(int netlink, int loopback)
{
    uint32_t own = htonl(OWN_ADDRESS);
    struct request request = {.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)), .header.nlmsg_type = RTM_NEWADDR};
    /* Global scope: name look-ups that ask "is IPv4 configured here" want to see such an address. */
    request.body.address =
        (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_scope = RT_SCOPE_UNIVERSE, .ifa_index = (unsigned)loopback};
    add_attribute(&request, IFA_LOCAL, &own, sizeof own);
    ask_kernel(netlink, &request, "own address");
}

void net_configure(void)
{
    int plain = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq interface = {.ifr_name = "lo"};
    if (plain < 0 || ioctl(plain, SIOCGIFINDEX, &interface) < 0) fault("loopback: %m");
    int loopback = interface.ifr_ifindex;
    interface.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
    if (ioctl(plain, SIOCSIFFLAGS, &interface) < 0) fault("loopback up: %m");
    close(plain);

    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (netlink < 0) fault("netlink: %m");
    add_own_address(netlink, loopback);
    add_local_route(netlink, AF_INET, loopback);
    add_local_route(netlink, AF_INET6, loopback);
    close(netlink);

    /* All addresses are ours: without this every address would answer a ping. */
    write_file("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1");
    write_file("/proc/sys/net/ipv6/icmp/echo_ignore_all", "1");
    write_file("/proc/sys/net/core/somaxconn", "4096");
    write_file("/proc/sys/net/ipv4/tcp_max_syn_backlog", "4096");
}

static int listen_on(int family, int type)
{
    int one = 1;
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) fault("listener: %m");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(LISTEN_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(LISTEN_PORT), .sin6_addr = in6addr_loopback};
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    int bound = family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof v4) : bind(fd, (struct sockaddr *)&v6, sizeof v6);
    if (bound < 0 || (type == SOCK_STREAM && listen(fd, 4096) < 0)) fault("listener: %m");
    return fd;
}

struct net_sockets net_listen(void)
{
    return (struct net_sockets){
        .tcp4 = listen_on(AF_INET, SOCK_STREAM),
        .tcp6 = listen_on(AF_INET6, SOCK_STREAM),
        .udp4 = listen_on(AF_INET, SOCK_DGRAM),
        .udp6 = listen_on(AF_INET6, SOCK_DGRAM),
    };
}
