// Who uses which clip on the audio thread. One that was dropped goes back to the network thread when nobody does.
#pragma once

#include "messages.hpp"

namespace upbeat {

class ClipUse {
public:
    explicit ClipUse(Returns& returns) : returns_(returns) {}

    // `place` names `clip` from now on, or none, in the stead of what it named.
    void set(Clip*& place, Clip* clip) {
        Clip* const old = place;
        if (clip) ++clip->users;
        place = clip;
        if (old) {
            --old->users;
            give_back(old);
        }
    }

    void drop(Clip* clip) {
        clip->dropped = true;
        give_back(clip);
    }

private:
    void give_back(Clip* clip) {
        if (!clip->dropped || clip->users > 0) return;
        Report report;
        report.kind = Report::unused;
        report.clip = clip;
        returns_.push(report);
    }

    Returns& returns_;
};

}  // namespace upbeat
