// The seed of every random test: fixed, so that a run can be repeated; PODGATE_SEED overrides it.
//
// RapidCheck's properties take it by themselves (RC_PARAMS, if set, wins). Other random tests start
// their generator from Seed() and name it in their failure message: SCOPED_TRACE(SeedNote()).
#pragma once

#include <cstdint>
#include <string>

namespace podgate::unit {

std::uint64_t Seed();
std::string SeedNote();  // "PODGATE_SEED=… repeats this run"

}  // namespace podgate::unit
