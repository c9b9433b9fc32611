#include "system/json.hpp"

#include <cmath>
#include <set>
#include <vector>

#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t deepest = 64;
constexpr std::size_t longest_shown = 400;

// What the library says without its own name and number: "at line 1, column 2: syntax error ...".
std::string reason_of(const std::exception& error) {
  std::string_view text = error.what();
  if (text.starts_with('[')) text.remove_prefix(std::min(text.find("] ") + 2, text.size()));
  if (text.starts_with("parse error ")) text.remove_prefix(12);
  return std::string(text);
}

// Takes the library's events. Its own tree builder looks for each new member among those there are,
// which is quadratic, and lets the last of two of a name win.
class tree_builder final : public nlohmann::json_sax<json> {
public:
  explicit tree_builder(std::string_view name) : name_(name) {}
  json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string& text) override {
    if (text.find_first_of(".eE") == std::string::npos)
      fail("{}: {} is a whole number beyond 64 bits", name_, printable(text, 40));
    return add(value);
  }
  bool string(std::string& text) override { return add(std::move(text)); }
  bool binary(json::binary_t&) override { return false; } // not in JSON's text form

  bool start_object(std::size_t) override { return open(json::object()); }
  bool key(std::string& text) override {
    if (!open_.back().names.insert(text).second)
      fail("{}: \"{}\" occurs twice in one object", name_, text);
    key_ = std::move(text);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_array() override { return close(); }

  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    fail("{}: not valid JSON: {}", name_, reason_of(error));
  }

private:
  struct level {
    json* value;
    std::set<std::string, std::less<>> names;
  };

  // A value's children come before its next sibling: pointers to open values stay good.
  json& place(json value) {
    if (open_.empty()) return root_ = std::move(value);
    json& parent = *open_.back().value;
    if (parent.is_array()) return parent.emplace_back(std::move(value));
    std::vector<json::object_t::value_type>& members = *parent.get_ptr<json::object_t*>();
    return members.emplace_back(std::move(key_), std::move(value)).second;
  }
  bool add(json value) {
    place(std::move(value));
    return true;
  }
  bool open(json value) {
    if (open_.size() == deepest) fail("{}: nested more than {} deep", name_, deepest);
    open_.push_back({&place(std::move(value)), {}});
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view name_;
  json root_;
  std::string key_;
  std::vector<level> open_;
};

} // namespace

json parse_json(std::string_view text, std::string_view name) {
  tree_builder builder(name);
  json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

std::string write_json(const json& value) {
  try {
    return value.dump(2) + '\n';
  } catch (const json::exception& error) {
    fail("cannot be written as JSON: {}", reason_of(error));
  }
}

const json* find(const json& object, std::string_view name) noexcept {
  const auto* members = object.get_ptr<const json::object_t*>();
  if (members == nullptr) return nullptr;
  for (const auto& [key, value] : *members)
    if (key == name) return &value;
  return nullptr;
}

const std::string* find_text(const json& object, std::string_view name) noexcept {
  const json* value = find(object, name);
  return value == nullptr ? nullptr : value->get_ptr<const std::string*>();
}

bool same_value(const json& a, const json& b) { return nlohmann::json(a) == nlohmann::json(b); }

bool is_whole(const json& value) noexcept {
  if (!value.is_number_float()) return value.is_number();
  const double number = *value.get_ptr<const double*>();
  return std::trunc(number) == number;
}

std::string shown(const json& value) {
  const auto* text = value.get_ptr<const std::string*>();
  return printable(text != nullptr ? *text
                                   : value.dump(-1, ' ', false, json::error_handler_t::replace),
                   longest_shown);
}

} // namespace tinymlp::tools
