// One visitor of a variant made of a lambda for each alternative:
// std::visit(Overloaded{[](const A&) {…}, [](const B&) {…}}, value).
#pragma once

namespace podgate::nft {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace podgate::nft
