// Stands in for ALSA's sequencer where the kernel has none (containers, CI): Qtractor does not start without one. It is
// loaded before libasound, opens nothing, and no MIDI ever comes. What only fills in structures is left to libasound.

#include <errno.h>
#include <stdlib.h>

int snd_seq_open(void** handle) {
    *handle = calloc(1, 4096);
    return 0;
}

int snd_seq_event_input(void* handle, void** event) {
    (void)handle;
    *event = 0;
    return -EAGAIN;
}

int snd_seq_client_id(void) { return 129; }

#define NOTHING(name, answer) int snd_seq_##name(void) { return answer; }
NOTHING(alloc_queue, 0)
NOTHING(close, 0)
NOTHING(control_queue, 0)
NOTHING(create_simple_port, 0)
NOTHING(delete_simple_port, 0)
NOTHING(drain_output, 0)
NOTHING(drop_input, 0)
NOTHING(drop_output, 0)
NOTHING(event_input_pending, 0)
NOTHING(event_output, 0)
NOTHING(event_output_direct, 0)
NOTHING(free_event, 0)
NOTHING(free_queue, 0)
NOTHING(get_any_client_info, 0)
NOTHING(get_any_port_info, 0)
NOTHING(get_port_info, 0)
NOTHING(get_queue_status, 0)
NOTHING(get_queue_tempo, 0)
NOTHING(poll_descriptors, 0)
NOTHING(poll_descriptors_count, 0)
NOTHING(query_next_client, -ENOENT)
NOTHING(query_next_port, -ENOENT)
NOTHING(query_port_subscribers, -ENOENT)
NOTHING(remove_events, 0)
NOTHING(set_client_name, 0)
NOTHING(set_port_info, 0)
NOTHING(set_queue_tempo, 0)
NOTHING(set_queue_timer, 0)
NOTHING(subscribe_port, 0)
NOTHING(unsubscribe_port, 0)
