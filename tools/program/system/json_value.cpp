#include "system/json_value.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <simdjson.h>

#include "system/failure.hpp"

namespace tinymlp::tools {

namespace {

namespace dom = simdjson::dom;

constexpr int deepest = 64;

class converter {
public:
  explicit converter(std::string_view name) : name_(name) {}

  json_value convert(dom::element from, int depth) const {
    if (depth > deepest) fail("{}: nested more than {} deep", name_, deepest);
    switch (from.type()) {
    case dom::element_type::NULL_VALUE: return {};
    case dom::element_type::BOOL: return bool(from);
    case dom::element_type::INT64: return std::int64_t(from);
    case dom::element_type::UINT64: return std::uint64_t(from);
    case dom::element_type::DOUBLE: return double(from);
    case dom::element_type::STRING: return std::string_view(from);
    case dom::element_type::ARRAY: return convert_array(dom::array(from), depth);
    case dom::element_type::OBJECT: return convert_object(dom::object(from), depth);
    }
    return {};
  }

private:
  json_value convert_array(dom::array from, int depth) const {
    json_value::array to;
    for (const dom::element element : from) to.push_back(convert(element, depth + 1));
    return to;
  }

  json_value convert_object(dom::object from, int depth) const {
    json_value::object to;
    std::set<std::string_view> names;
    for (const dom::key_value_pair member : from) {
      if (!names.insert(member.key).second)
        fail("{}: \"{}\" occurs twice in one object", name_, member.key);
      to.emplace_back(member.key, convert(member.value, depth + 1));
    }
    return to;
  }

  std::string_view name_;
};

std::string string_token(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04x}", byte);
    else
      out += c;
  }
  return out + '"';
}

} // namespace

// Walks the value; `indent` is that of the line it starts on.
class json_writer {
public:
  static void write(const json_value& from, std::size_t indent, std::string& out) {
    std::visit([&](const auto& value) { put(value, indent, out); }, from.value_);
  }

private:
  static void put(std::monostate, std::size_t, std::string& out) { out += "null"; }
  static void put(bool value, std::size_t, std::string& out) { out += value ? "true" : "false"; }
  static void put(const std::string& value, std::size_t, std::string& out) {
    out += string_token(value);
  }
  static void put(double value, std::size_t, std::string& out) {
    const std::string text = fmt::format("{}", value); // shortest that reads back
    out += text;
    if (text.find_first_of(".e") == std::string::npos) out += ".0";
  }
  template <class Integer> static void put(Integer value, std::size_t, std::string& out) {
    out += fmt::format("{}", value);
  }
  static void put(const json_value::array& values, std::size_t indent, std::string& out) {
    list(values, "[]", indent, out,
         [&](const json_value& value) { write(value, indent + 2, out); });
  }
  static void put(const json_value::object& members, std::size_t indent, std::string& out) {
    list(members, "{}", indent, out, [&](const json_value::member& member) {
      out += string_token(member.first) + ": ";
      write(member.second, indent + 2, out);
    });
  }

  template <class Items, class F>
  static void list(const Items& items, std::string_view brackets, std::size_t indent,
                   std::string& out, F&& put_item) {
    out += brackets[0];
    for (const auto& item : items) {
      out += &item == &items.front() ? "\n" : ",\n";
      out.append(indent + 2, ' ');
      put_item(item);
    }
    if (!items.empty()) out.append("\n").append(indent, ' ');
    out += brackets[1];
  }
};

double json_value::number() const noexcept {
  if (const auto* i = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*i);
  if (const auto* u = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*u);
  if (const auto* d = std::get_if<double>(&value_)) return *d;
  return 0;
}

bool json_value::is_integer() const noexcept {
  return is_number() && std::trunc(number()) == number();
}

const json_value* json_value::find(std::string_view name) const noexcept {
  const object* members = as_object();
  if (members == nullptr) return nullptr;
  const auto at = std::find_if(members->begin(), members->end(),
                               [&](const member& m) { return m.first == name; });
  return at == members->end() ? nullptr : &at->second;
}

json_value* json_value::find(std::string_view name) noexcept {
  return const_cast<json_value*>(std::as_const(*this).find(name));
}

void json_value::set(std::string_view name, json_value value) {
  if (json_value* at = find(name))
    *at = std::move(value);
  else
    as_object()->emplace_back(name, std::move(value));
}

void json_value::remove(std::string_view name) {
  std::erase_if(*as_object(), [&](const member& m) { return m.first == name; });
}

bool operator==(const json_value& a, const json_value& b) noexcept {
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  const json_value::object* x = a.as_object();
  const json_value::object* y = b.as_object();
  if (x == nullptr || y == nullptr) return a.value_ == b.value_;
  return x->size() == y->size() &&
         std::all_of(x->begin(), x->end(), [&](const json_value::member& m) {
           const json_value* other = b.find(m.first);
           return other != nullptr && m.second == *other;
         });
}

json_value parse_json(std::string_view text, std::string_view name) {
  dom::parser parser;
  dom::element root;
  // copies the text into a buffer with the room that the parser reads past its end
  if (const simdjson::error_code code = parser.parse(text.data(), text.size()).get(root))
    fail("{}: not valid JSON: {}", name, simdjson::error_message(code));
  return converter(name).convert(root, 1);
}

std::string write_json(const json_value& value) {
  std::string out;
  json_writer::write(value, 0, out);
  return out + '\n';
}

} // namespace tinymlp::tools
