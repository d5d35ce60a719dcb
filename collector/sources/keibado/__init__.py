"""keibado, the PHOTO paddock: its addresses and what its pages say."""
