{% macro with_tax(column) -%}
    cast(round({{ column }} * (100 + {{ var('tax_percent') }}) / 100.0) as integer)
{%- endmacro %}
