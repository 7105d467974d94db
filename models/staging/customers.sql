select
    customer_code,
    trim(name) as name,
    lower(email) as email,
    replace(postcode, '-', '') as postcode,
    city,
    joined_on,
    referred_by
from raw.customers
