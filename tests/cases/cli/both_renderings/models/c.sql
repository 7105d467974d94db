select id from a
{% if is_incremental() %}
where id not in (select id from b)
{% endif %}
