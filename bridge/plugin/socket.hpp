// One connection with the bridge: libzmq's DEALER, and what it says of the connection.
#pragma once

#include <zmq.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <string>

#include "osc.hpp"
#include "routes.hpp"

namespace upbeat {

inline std::string random_hex(int digits) {
    static const char* const hex = "0123456789abcdef";
    std::random_device random;
    std::string text;
    for (int k = 0; k < digits; ++k) text.push_back(hex[random() % 16]);
    return text;
}

// One context for all instances of the process, for as long as there is one; each context has threads of its own.
inline std::shared_ptr<void> shared_context() {
    static std::mutex mutex;
    static std::weak_ptr<void> last;
    const std::lock_guard lock(mutex);
    std::shared_ptr<void> context = last.lock();
    if (!context) {
        context = std::shared_ptr<void>(zmq_ctx_new(), zmq_ctx_term);
        last = context;
    }
    return context;
}

inline std::string endpoint() {
    if (const char* given = std::getenv("UPBEAT_PLUGIN_ENDPOINT"); given && *given) return given;
    return "tcp://127.0.0.1:" + std::to_string(routes::port);
}

struct Socket {
    std::shared_ptr<void> context = shared_context();
    void* dealer = nullptr;
    void* monitor = nullptr;

    explicit Socket(const std::string& identity) {
        dealer = zmq_socket(context.get(), ZMQ_DEALER);
        if (!dealer) return;
        zmq_setsockopt(dealer, ZMQ_ROUTING_ID, identity.data(), identity.size());
        set(ZMQ_HEARTBEAT_IVL, 500);
        set(ZMQ_HEARTBEAT_TIMEOUT, 1500);
        set(ZMQ_HEARTBEAT_TTL, 2000);
        set(ZMQ_IMMEDIATE, 1);
        set(ZMQ_LINGER, 100);
        set(ZMQ_RECONNECT_IVL, 50);
        set(ZMQ_RECONNECT_IVL_MAX, 500);
        set(ZMQ_SNDHWM, 1000);
        set(ZMQ_RCVHWM, 1000);
        const int64_t largest = routes::audio_bytes_max;
        zmq_setsockopt(dealer, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
        const std::string name = "inproc://upbeat-" + random_hex(16);
        zmq_socket_monitor(dealer, name.c_str(), ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
        monitor = zmq_socket(context.get(), ZMQ_PAIR);
        const int none = 0;
        zmq_setsockopt(monitor, ZMQ_LINGER, &none, sizeof none);
        zmq_connect(monitor, name.c_str());
        zmq_connect(dealer, endpoint().c_str());
    }
    ~Socket() {
        if (dealer) zmq_socket_monitor(dealer, nullptr, 0);
        if (monitor) zmq_close(monitor);
        if (dealer) zmq_close(dealer);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void set(int option, int value) { zmq_setsockopt(dealer, option, &value, sizeof value); }

    // The next event of the connection, or 0.
    int event() {
        int what = 0;
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, monitor, ZMQ_DONTWAIT) >= 2) {
            uint16_t number;
            std::memcpy(&number, zmq_msg_data(&frame), sizeof number);
            what = number;
        }
        while (zmq_msg_more(&frame) && zmq_msg_recv(&frame, monitor, ZMQ_DONTWAIT) >= 0) {}
        zmq_msg_close(&frame);
        return what;
    }
};

}  // namespace upbeat
