#include "registry/json_schema.hpp"

#include <algorithm>
#include <array>
#include <regex>
#include <utility>

#include <fmt/format.h>

#include "system/failure.hpp"

namespace tinymlp::tools {

namespace {

constexpr int deepest_schema = 64;
constexpr int deepest_check = 512;
constexpr std::size_t longest_matched = 4096; // std::regex recurses once a character

constexpr std::string_view definitions = "#/$defs/";

std::wstring decode_utf8(std::string_view text) {
  std::wstring out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    auto point = static_cast<std::uint32_t>(length == 1 ? lead : lead & (0x7fU >> length));
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k)
      point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
    out += static_cast<wchar_t>(point);
    i += length;
  }
  return out;
}

std::wregex compile(const std::string& pattern) {
  return std::wregex(decode_utf8(pattern), std::regex::ECMAScript);
}

bool has_type(const json_value& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.as_bool() != nullptr;
  if (type == "string") return value.as_string() != nullptr;
  if (type == "array") return value.as_array() != nullptr;
  if (type == "object") return value.as_object() != nullptr;
  if (type == "number") return value.is_number();
  return type == "integer" && value.is_integer();
}

// A value as a message shows it: one line, not too long.
std::string shown(const json_value& value) {
  if (const std::string* text = value.as_string()) return *text;
  std::string text = write_json(value);
  text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string shown_list(const json_value& values) {
  std::string text;
  for (const json_value& value : *values.as_array())
    text += (text.empty() ? "" : ", ") + shown(value);
  return text;
}

class checker {
public:
  checker(const json_value& root, std::vector<schema_violation>& to, int depth = 0)
      : root_(root), to_(to), depth_(depth) {}

  void check(const json_value& schema, const json_value& value) {
    if (depth_ > deepest_check) fail("the schema refers to itself without end");
    ++depth_;
    check_all(schema, value);
    --depth_;
  }

private:
  void check_all(const json_value& schema, const json_value& value) {
    if (const bool* verdict = schema.as_bool()) {
      if (!*verdict) refuse("is not allowed here");
      return;
    }
    check_reference(schema, value);
    check_value(schema, value);
    if (value.is_number()) check_number(schema, value.number());
    if (const std::string* text = value.as_string()) check_text(schema, *text);
    if (const json_value::array* items = value.as_array()) check_array(schema, *items);
    if (value.as_object() != nullptr) check_object(schema, value);
    check_combinations(schema, value);
  }

  template <class... Args> void refuse(fmt::format_string<Args...> why, Args&&... args) {
    to_.push_back({path_, fmt::format(why, std::forward<Args>(args)...)});
  }

  bool is_valid(const json_value& schema, const json_value& value) const {
    std::vector<schema_violation> ignored;
    checker(root_, ignored, depth_).check(schema, value);
    return ignored.empty();
  }

  void refuse_below(std::string step, std::string_view why) {
    path_.push_back(std::move(step));
    refuse("{}", why);
    path_.pop_back();
  }

  void check_below(std::string step, const json_value& schema, const json_value& value) {
    path_.push_back(std::move(step));
    check(schema, value);
    path_.pop_back();
  }

  void check_reference(const json_value& schema, const json_value& value) {
    const json_value* reference = schema.find("$ref");
    if (reference == nullptr) return;
    check(*root_.find("$defs")->find(reference->as_string()->substr(definitions.size())), value);
  }

  void check_value(const json_value& schema, const json_value& value) {
    if (const json_value* type = schema.find("type"); type != nullptr) {
      const json_value::array one{*type};
      const json_value::array& types = type->as_array() != nullptr ? *type->as_array() : one;
      if (std::none_of(types.begin(), types.end(),
                       [&](const json_value& t) { return has_type(value, *t.as_string()); }))
        refuse("is not of type {}", shown_list(types));
    }
    if (const json_value* values = schema.find("enum"); values != nullptr) {
      const json_value::array& allowed = *values->as_array();
      if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
        refuse("'{}' is not one of {}", shown(value), shown_list(*values));
    }
    if (const json_value* only = schema.find("const"); only != nullptr && !(*only == value))
      refuse("'{}' is not {}", shown(value), shown(*only));
  }

  void check_number(const json_value& schema, double value) {
    const json_value* least = schema.find("minimum");
    const json_value* most = schema.find("maximum");
    if (least != nullptr && value < least->number())
      refuse("{} is below {}", value, least->number());
    if (most != nullptr && value > most->number()) refuse("{} is above {}", value, most->number());
  }

  void check_text(const json_value& schema, const std::string& text) {
    const std::size_t length = code_points(text);
    const json_value* least = schema.find("minLength");
    const json_value* most = schema.find("maxLength");
    if (least != nullptr && static_cast<double>(length) < least->number())
      refuse("is {} characters long; at least {} are needed", length, least->number());
    if (most != nullptr && static_cast<double>(length) > most->number())
      refuse("is {} characters long; {} are allowed", length, most->number());
    const json_value* pattern = schema.find("pattern");
    if (pattern == nullptr) return;
    if (length > longest_matched)
      refuse("is too long to be matched with a pattern");
    else if (!std::regex_search(decode_utf8(text), compile(*pattern->as_string())))
      refuse("'{}' does not match {}", text, *pattern->as_string());
  }

  void check_array(const json_value& schema, const json_value::array& items) {
    const auto count = static_cast<double>(items.size());
    const json_value* least = schema.find("minItems");
    const json_value* most = schema.find("maxItems");
    const json_value* unique = schema.find("uniqueItems");
    if (least != nullptr && count < least->number())
      refuse("has {} items; at least {} are needed", items.size(), least->number());
    if (most != nullptr && count > most->number())
      refuse("has {} items; {} are allowed", items.size(), most->number());
    if (unique != nullptr && *unique->as_bool())
      for (auto a = items.begin(); a != items.end(); ++a)
        if (std::find(items.begin(), a, *a) != a) refuse("has '{}' twice", shown(*a));
    if (const json_value* each = schema.find("items"); each != nullptr)
      for (std::size_t i = 0; i < items.size(); ++i)
        check_below(std::to_string(i), *each, items[i]);
  }

  void check_object(const json_value& schema, const json_value& value) {
    if (const json_value* required = schema.find("required"); required != nullptr)
      for (const json_value& name : *required->as_array())
        if (value.find(*name.as_string()) == nullptr) refuse_below(*name.as_string(), "is missing");
    const json_value* properties = schema.find("properties");
    const json_value* others = schema.find("additionalProperties");
    const json_value* names = schema.find("propertyNames");
    for (const auto& [name, member] : *value.as_object()) {
      if (names != nullptr) check_below(name, *names, name);
      const json_value* rule = properties == nullptr ? nullptr : properties->find(name);
      if (rule == nullptr) rule = others;
      if (rule != nullptr) check_below(name, *rule, member);
    }
  }

  void check_combinations(const json_value& schema, const json_value& value) {
    if (const json_value* all = schema.find("allOf"); all != nullptr)
      for (const json_value& part : *all->as_array()) check(part, value);
    if (const json_value* any = schema.find("anyOf"); any != nullptr) {
      const json_value::array& parts = *any->as_array();
      if (std::none_of(parts.begin(), parts.end(),
                       [&](const json_value& part) { return is_valid(part, value); }))
        refuse("fits none of the {} forms it may have", parts.size());
    }
    if (const json_value* unwanted = schema.find("not");
        unwanted != nullptr && is_valid(*unwanted, value)) {
      const json_value* title = unwanted->find("title");
      if (title != nullptr && title->as_string() != nullptr)
        refuse("'{}' {}", shown(value), *title->as_string());
      else
        refuse("has a form that it must not have");
    }
    if (const json_value* condition = schema.find("if"); condition != nullptr) {
      const json_value* branch = schema.find(is_valid(*condition, value) ? "then" : "else");
      if (branch != nullptr) check(*branch, value);
    }
  }

  const json_value& root_;
  std::vector<schema_violation>& to_;
  int depth_;
  std::vector<std::string> path_;
};

// What a keyword's own value must be.
enum class operand : std::uint8_t {
  annotation, // anything
  subschema,
  subschemas,    // array of them
  named_schemas, // object of them
  count,         // whole number, 0 or more
  number,
  boolean,
  names,      // array of strings
  type_names, // a type's name, or an array of them
  values,     // array of anything
  pattern,
  reference,
};

struct keyword {
  std::string_view name;
  operand takes;
};

constexpr std::array keywords{
    keyword{"$schema", operand::annotation},
    keyword{"$id", operand::annotation},
    keyword{"$comment", operand::annotation},
    keyword{"title", operand::annotation},
    keyword{"description", operand::annotation},
    keyword{"default", operand::annotation},
    keyword{"examples", operand::annotation},
    keyword{"format", operand::annotation},
    keyword{"$defs", operand::named_schemas},
    keyword{"$ref", operand::reference},
    keyword{"type", operand::type_names},
    keyword{"enum", operand::values},
    keyword{"const", operand::annotation},
    keyword{"properties", operand::named_schemas},
    keyword{"required", operand::names},
    keyword{"additionalProperties", operand::subschema},
    keyword{"propertyNames", operand::subschema},
    keyword{"items", operand::subschema},
    keyword{"minItems", operand::count},
    keyword{"maxItems", operand::count},
    keyword{"uniqueItems", operand::boolean},
    keyword{"minLength", operand::count},
    keyword{"maxLength", operand::count},
    keyword{"pattern", operand::pattern},
    keyword{"minimum", operand::number},
    keyword{"maximum", operand::number},
    keyword{"allOf", operand::subschemas},
    keyword{"anyOf", operand::subschemas},
    keyword{"not", operand::subschema},
    keyword{"if", operand::subschema},
    keyword{"then", operand::subschema},
    keyword{"else", operand::subschema},
};

constexpr std::array type_names{"null",   "boolean", "string", "array",
                                "object", "number",  "integer"};

bool is_type_name(const json_value& value) {
  const std::string* name = value.as_string();
  return name != nullptr &&
         std::find(type_names.begin(), type_names.end(), *name) != type_names.end();
}

bool all_of(const json_value& value, bool (*wanted)(const json_value&)) {
  const json_value::array* items = value.as_array();
  return items != nullptr && std::all_of(items->begin(), items->end(), wanted);
}

// Sees that every schema in the document is one that the checker understands.
class schema_reader {
public:
  schema_reader(const json_value& root, std::string_view name) : root_(root), name_(name) {}

  void read(const json_value& schema, int depth) const {
    if (schema.as_bool() != nullptr) return;
    if (schema.as_object() == nullptr) fail("{}: a schema is neither object nor boolean", name_);
    if (depth > deepest_schema) fail("{}: schemas nested too deeply", name_);
    for (const auto& [word, value] : *schema.as_object()) {
      const auto row = std::find_if(keywords.begin(), keywords.end(),
                                    [&name = word](const keyword& k) { return k.name == name; });
      if (row == keywords.end()) fail("{}: the keyword \"{}\" is not supported", name_, word);
      if (!read_operand(row->takes, value, depth))
        fail("{}: the value of \"{}\" is not what the keyword takes", name_, word);
    }
  }

private:
  bool read_operand(operand takes, const json_value& value, int depth) const {
    switch (takes) {
    case operand::annotation: return true;
    case operand::subschema: read(value, depth + 1); return true;
    case operand::subschemas: return read_all(value.as_array(), depth);
    case operand::named_schemas: return read_named(value.as_object(), depth);
    case operand::count: return value.is_integer() && value.number() >= 0;
    case operand::number: return value.is_number();
    case operand::boolean: return value.as_bool() != nullptr;
    case operand::names:
      return all_of(value, [](const json_value& v) { return v.as_string() != nullptr; });
    case operand::type_names: return is_type_name(value) || all_of(value, is_type_name);
    case operand::values: return value.as_array() != nullptr;
    case operand::pattern: return read_pattern(value.as_string());
    case operand::reference: return read_reference(value.as_string());
    }
    return false;
  }

  bool read_all(const json_value::array* schemas, int depth) const {
    if (schemas == nullptr) return false;
    for (const json_value& schema : *schemas) read(schema, depth + 1);
    return true;
  }
  bool read_named(const json_value::object* schemas, int depth) const {
    if (schemas == nullptr) return false;
    for (const auto& [name, schema] : *schemas) read(schema, depth + 1);
    return true;
  }
  bool read_pattern(const std::string* text) const {
    if (text == nullptr) return false;
    try {
      compile(*text);
    } catch (const std::regex_error&) {
      return false;
    }
    return true;
  }
  bool read_reference(const std::string* text) const {
    if (text == nullptr || !text->starts_with(definitions)) return false;
    const json_value* all = root_.find("$defs");
    return all != nullptr && all->find(text->substr(definitions.size())) != nullptr;
  }

  const json_value& root_;
  std::string_view name_;
};

} // namespace

json_schema::json_schema(json_value schema, std::string_view name) : schema_(std::move(schema)) {
  schema_reader(schema_, name).read(schema_, 0);
}

std::vector<schema_violation> json_schema::check(const json_value& document) const {
  std::vector<schema_violation> found;
  checker(schema_, found).check(schema_, document);
  return found;
}

std::size_t code_points(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

} // namespace tinymlp::tools
